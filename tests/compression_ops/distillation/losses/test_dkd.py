"""The loss is Zhao's formula; Hinton's is a case of it."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import stats

from compression_ops.distillation.losses import kd
from compression_ops.distillation.losses.dkd import DKD, loss
from tests.compression_ops.distillation.losses.logits import (
    LABELS,
    STUDENT,
    TEACHER,
    WEIGHTS,
    cross_entropies,
    probabilities,
)


def parts(temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(TCKD, NCKD, the teacher's probability of the target) of each sample, by the definitions, with scipy."""
    found: list[tuple[float, float, float]] = []
    for student, teacher, label in zip(*probabilities(temperature), LABELS.tolist(), strict=True):
        two = [np.array([p[label], p.sum() - p[label]]) for p in (teacher, student)]
        rest = [np.delete(p, label) / np.delete(p, label).sum() for p in (teacher, student)]
        found.append((float(stats.entropy(*two)), float(stats.entropy(*rest)), float(teacher[label])))
    target, others, certain = np.array(found).T
    return target, others, certain


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 8.0), (0.0, 2.0), (3.0, 0.0)])
def test_the_loss_is_zhaos_formula(temperature: float, alpha: float, beta: float) -> None:
    target, others, _ = parts(temperature)
    expected = 0.5 * cross_entropies().mean() + temperature**2 * (alpha * target + beta * others).mean()
    spec = DKD(temperature=temperature, alpha=alpha, beta=beta, label_weight=0.5, warmup_epochs=0)
    assert loss(spec, STUDENT, TEACHER, LABELS).item() == pytest.approx(expected, rel=1e-10)


def test_hintons_loss_is_the_case_in_which_sure_teachers_tell_little_of_other_classes() -> None:
    """Equation 6: KD = TCKD + (1 − p_target)·NCKD, sample by sample."""
    for row in range(len(LABELS)):
        one = slice(row, row + 1)
        _, _, certain = parts(2.0)
        spec = DKD(temperature=2.0, alpha=1.0, beta=1 - certain[row], label_weight=0.0, warmup_epochs=0)
        hinton = kd.KD(temperature=2.0, alpha=1.0)
        assert loss(spec, STUDENT[one], TEACHER[one], LABELS[one]).item() == pytest.approx(
            kd.loss(hinton, STUDENT[one], TEACHER[one], LABELS[one]).item(), rel=1e-10
        )


def test_the_teachers_parts_grow_while_it_warms_up() -> None:
    spec = DKD(warmup_epochs=4)
    found = [loss(spec, STUDENT, TEACHER, LABELS, epoch=epoch).item() for epoch in range(7)]
    hard, full = cross_entropies().mean(), loss(DKD(warmup_epochs=0), STUDENT, TEACHER, LABELS).item()
    assert found == pytest.approx([hard + min(1.0, epoch / 4) * (full - hard) for epoch in range(7)])


def test_its_gradient_is_the_derivative() -> None:
    student = STUDENT.clone().requires_grad_()
    spec = DKD(temperature=3.0, warmup_epochs=0)
    assert torch.autograd.gradcheck(lambda x: loss(spec, x, TEACHER, LABELS), student)


def test_extreme_stored_logits_and_two_classes_stay_finite() -> None:
    extreme = torch.tensor([[60_000.0, -60_000.0, 0.0]])
    spec = DKD(temperature=0.5, warmup_epochs=0)
    student = extreme.clone().requires_grad_()
    found = loss(spec, student, -extreme.half(), torch.tensor([0]))
    found.backward()
    assert torch.isfinite(found)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()
    two = loss(spec, STUDENT[:, :2], TEACHER[:, :2], LABELS % 2)
    assert torch.isfinite(two)


def test_class_weights_weigh_the_labels_part_alone() -> None:
    spec = DKD(warmup_epochs=0)
    hard = cross_entropies()
    difference = np.average(hard, weights=WEIGHTS[LABELS].numpy()) - hard.mean()
    weighted, plain = (loss(spec, STUDENT, TEACHER, LABELS, weights).item() for weights in (WEIGHTS, None))
    assert weighted - plain == pytest.approx(difference)


@pytest.mark.parametrize("bad", [{"temperature": 0.0}, {"alpha": -1.0}, {"beta": -0.1}, {"warmup_epochs": -1}])
def test_parameters_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        DKD.model_validate(bad)
