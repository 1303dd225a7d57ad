"""Mixup: shares from Beta(α, α), pairs of one view, pixels and labels mixed alike."""

import numpy as np
import pytest
import torch
from scipy import stats

from compression_ops.data.augmentations import mixup
from compression_ops.data.augmentations.mixup import Mixup


def draw(alpha: float, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return mixup.draw(Mixup(alpha=alpha), samples, (3, 9, 12), torch.Generator().manual_seed(3))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    _, shares = draw(alpha, 5_000)
    assert shares.dtype == torch.float32
    assert stats.kstest(shares.double().numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.001


@pytest.mark.parametrize("alpha", [1e-6, 100.0])
def test_extreme_shares_are_still_shares(alpha: float) -> None:
    _, shares = draw(alpha, 2_000)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_each_sample_is_another_ones_partner_once_and_another_alpha_keeps_pairs_and_ranks() -> None:
    (others, shares), (same, further) = draw(0.2, 500), draw(1.0, 500)
    assert torch.equal(others.sort().values, torch.arange(500))
    assert not torch.equal(others, torch.arange(500))
    assert torch.equal(others, same)
    assert (shares[further.argsort()].diff() >= 0).all()
    assert not torch.equal(shares, further)


def test_a_mixture_is_the_papers() -> None:
    random = torch.Generator().manual_seed(1)
    own, others = (torch.randint(0, 256, (6, 3, 4, 5), generator=random).float() for _ in range(2))
    shares = torch.linspace(0, 1, 6)
    found = mixup.mix(Mixup(alpha=1.0), own, others, (torch.arange(6), shares)).numpy()
    expected = [s * a + (1 - s) * b for s, a, b in zip(shares.numpy(), own.numpy(), others.numpy(), strict=True)]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-6)
