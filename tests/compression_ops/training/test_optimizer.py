"""The learning rate of every step, and which parameters decay."""

import pytest
import torch
from torch import nn

from compression_ops.training.optimizer import build_optimizer, learning_rate
from tests.compression_ops import small_data


def test_the_rate_rises_linearly_then_follows_half_a_cosine_to_zero() -> None:
    training = small_data.training(epochs=10, learning_rate=0.4, warmup_epochs=2.0)
    rates = [learning_rate(training, step, steps_per_epoch=5) for step in range(50)]
    assert rates[0] == pytest.approx(0.04)
    assert rates[4] == pytest.approx(0.2)
    assert rates[10] == pytest.approx(0.4) == max(rates)
    assert rates[30] == pytest.approx(0.2)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_pytorchs_cosine_scheduler_gives_the_same_rates() -> None:
    training = small_data.training(epochs=4, learning_rate=0.3, warmup_epochs=0.0)
    reference = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=12)
    for step in range(12):
        assert learning_rate(training, step, steps_per_epoch=3) == pytest.approx(reference.param_groups[0]["lr"])
        reference.step()
        scheduler.step()


def test_a_constant_schedule_is_constant_after_the_warm_up() -> None:
    training = small_data.training(epochs=3, learning_rate=0.1, warmup_epochs=1.0, schedule="constant")
    rates = [learning_rate(training, step, steps_per_epoch=4) for step in range(12)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, *[0.1] * 9])


@pytest.mark.parametrize("warmup", [1.0, 5.0])
def test_a_warm_up_as_long_as_the_training_only_rises(warmup: float) -> None:
    training = small_data.training(epochs=1, learning_rate=0.1, warmup_epochs=warmup)
    rates = [learning_rate(training, step, steps_per_epoch=4) for step in range(4)]
    assert rates == pytest.approx([0.1 * (step + 1) / (4 * warmup) for step in range(4)])


def test_biases_and_batch_norm_are_not_decayed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    decayed, others = build_optimizer(
        model, small_data.training(epochs=1, learning_rate=0.1, weight_decay=0.3)
    ).param_groups
    assert [p.ndim for p in decayed["params"]] == [4, 2]
    assert decayed["weight_decay"] == 0.3
    assert [p.ndim for p in others["params"]] == [1, 1, 1, 1]
    assert others["weight_decay"] == 0.0


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Linear(2, 2, bias=False).requires_grad_(False)
    trained = nn.Sequential(model, nn.Linear(2, 3, bias=False))
    groups = build_optimizer(trained, small_data.training(epochs=1, learning_rate=0.1, optimizer="sgd")).param_groups
    assert [len(group["params"]) for group in groups] == [1]
