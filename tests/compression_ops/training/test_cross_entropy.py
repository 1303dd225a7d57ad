"""Cross entropy of mixed labels against sums written out, and against torch's where those agree."""

import pytest
import torch
from torch.nn import functional

from compression_ops.training.cross_entropy import cross_entropy

WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.0])


def logits() -> torch.Tensor:
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_mixture_counts_as_zhang_et_al_count_it(weights: torch.Tensor | None) -> None:
    """λ of one label's loss and 1 - λ of the other's; weighed by what each class weighs."""
    first, second, shares = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 1, 3, 0, 2]), torch.linspace(0, 1, 5)
    mixed = shares.view(-1, 1) * functional.one_hot(first, 4) + (1 - shares).view(-1, 1) * functional.one_hot(second, 4)
    each = torch.ones(4) if weights is None else weights
    losses = -logits().log_softmax(1)
    total, counted = 0.0, 0.0
    for row, share in enumerate(shares.tolist()):
        for label, part in ((first[row], share), (second[row], 1 - share)):
            total += part * each[label].item() * losses[row, label].item()
            counted += part * each[label].item()
    assert cross_entropy(logits(), mixed, weights).item() == pytest.approx(total / counted, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_labels_that_are_not_mixed_count_as_torch_counts_classes(
    smoothing: float, weights: torch.Tensor | None
) -> None:
    labels = torch.tensor([0, 1, 2, 3, 0])
    expected = functional.cross_entropy(logits(), labels, weights, label_smoothing=smoothing)
    assert torch.equal(cross_entropy(logits(), labels, weights, smoothing), expected)
    pure = functional.one_hot(labels, 4).float()
    torch.testing.assert_close(cross_entropy(logits(), pure, weights, smoothing), expected)
