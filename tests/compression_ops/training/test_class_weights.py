"""`class_weights: balanced` weighs as scikit-learn does in what is learned from labels; by default nothing weighs."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn import functional

from compression_ops.data.dataset import Split, normalize
from compression_ops.data.views import Views
from compression_ops.models.network import Network, build
from compression_ops.seeds import generator
from compression_ops.training import class_weights
from compression_ops.training.loop import Data, Trained, train_network
from compression_ops.training.objective import Batch, supervised
from tests.compression_ops import small_data

LINEAR = Network("tests.compression_ops.small_data:linear", small_data.SHAPE, small_data.CLASSES)
_WHOLE = small_data.data(300)
# Nearly all of class 0, some of class 1, few of class 2.
_KEPT = torch.cat([(_WHOLE.train.labels == label).nonzero()[:count, 0] for label, count in ((0, 80), (1, 12), (2, 4))])
UNBALANCED = dataclasses.replace(_WHOLE, train=Split(_WHOLE.train.samples[_KEPT], _WHOLE.train.labels[_KEPT]))


def fit(data: Data, **parameters: object) -> Trained:
    stated = {"epochs": 3, "batch_size": 24, "learning_rate": 0.02, "warmup_epochs": 0.0, "seed": 1} | parameters
    return train_network(LINEAR, data, small_data.training(**stated), Views(), lambda _: supervised())


@pytest.mark.parametrize("counts", [(80, 12, 4), (1, 1, 1), (1000, 1, 37)])
def test_the_weights_are_scikit_learns(counts: tuple[int, int, int]) -> None:
    labels = np.repeat(np.arange(3), counts)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    found = class_weights.balanced(torch.from_numpy(labels), 3)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert found[labels].double().mean().item() == pytest.approx(1)


def test_a_class_without_samples_weighs_nothing_and_is_told() -> None:
    labels = torch.tensor([0, 0, 0, 2])
    found = class_weights.balanced(labels, 3)
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=labels.numpy())
    torch.testing.assert_close(found, torch.tensor([expected[0], 0.0, expected[1]]).float())
    (words,) = class_weights.warnings(found, ("cat", "dog", "owl"))
    assert words.startswith("class_weights: no training sample of 'dog';")
    assert class_weights.warnings(class_weights.balanced(labels, 2 + 1)[[0, 2]], ("cat", "owl")) == ()
    assert class_weights.warnings(None, ("cat", "dog")) == ()
    many = class_weights.warnings(class_weights.balanced(torch.tensor([0]), 9), tuple("abcdefghi"))
    assert "'b', 'c', 'd', 'e', 'f' and 3 more" in many[0]


def test_a_training_tells_of_a_class_that_its_split_lacks() -> None:
    lacking = UNBALANCED.train.labels != 2
    data = dataclasses.replace(
        UNBALANCED, train=Split(UNBALANCED.train.samples[lacking], UNBALANCED.train.labels[lacking])
    )
    assert "'c'" in fit(data, class_weights="balanced").warnings[0]
    assert fit(data).warnings == ()


def test_a_weighted_training_equals_a_plain_torch_loop() -> None:
    """The weighted mean, sample by sample: Σ wᵢ·lossᵢ / Σ wᵢ."""
    weights = torch.tensor(compute_class_weight("balanced", classes=np.arange(3), y=UNBALANCED.train.labels.numpy()))
    torch.manual_seed(1)
    model = build(LINEAR)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / 12)))
    for epoch in range(3):
        for rows in torch.randperm(96, generator=generator(1, "order", epoch)).split(24):
            labels = UNBALANCED.train.labels[rows]
            logits = model(normalize(UNBALANCED.train.samples[rows], UNBALANCED.description))
            each = -logits.log_softmax(1)[torch.arange(24), labels]
            loss = (weights[labels] * each).sum() / weights[labels].sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    found = fit(UNBALANCED, class_weights="balanced")
    assert found.best_epoch == 3
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_uniform_is_what_no_weights_were() -> None:
    def same(first: nn.Module, second: nn.Module) -> bool:
        return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())

    assert same(fit(UNBALANCED).model, fit(UNBALANCED, class_weights="uniform").model)
    assert not same(fit(UNBALANCED).model, fit(UNBALANCED, class_weights="balanced").model)


def test_weights_help_the_class_of_few_samples() -> None:
    rare = _WHOLE.train.labels == 2

    def recall(trained: Trained) -> float:
        predicted = trained.model(normalize(_WHOLE.train.samples[rare], _WHOLE.description)).argmax(1)
        return (predicted == 2).double().mean().item()

    short: dict[str, object] = {"epochs": 1, "learning_rate": 0.004, "schedule": "constant"}
    assert recall(fit(UNBALANCED, class_weights="balanced", **short)) > recall(fit(UNBALANCED, **short)) + 0.1


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_of_labels_is_the_weighted_mean_of_the_batch(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, labels, weights = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.tensor([0.5, 2.0, 1.0, 3.0])
    found = supervised(smoothing).loss(nn.Identity(), Batch(logits, torch.arange(5), labels, 0, weights))
    target = functional.one_hot(labels, 4) * (1 - smoothing) + smoothing / 4
    expected = -(weights * target * logits.log_softmax(1)).sum() / weights[labels].sum()
    torch.testing.assert_close(found, expected)
