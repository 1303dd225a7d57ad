"""The loss is Hinton's formula, gradient and limits included."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import special, stats
from torch.nn import functional

from compression_ops.distillation.losses.kd import KD, loss

GENERATOR = torch.Generator().manual_seed(0)
STUDENT = torch.randn(6, 4, dtype=torch.float64, generator=GENERATOR) * 3
TEACHER = torch.randn(6, 4, dtype=torch.float64, generator=GENERATOR) * 3
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def reference(temperature: float, alpha: float) -> float:
    """The definition, sample by sample, with scipy."""
    losses: list[float] = []
    for student, teacher, label in zip(STUDENT.numpy(), TEACHER.numpy(), LABELS.tolist(), strict=True):
        divergence = stats.entropy(special.softmax(teacher / temperature), special.softmax(student / temperature))
        hard = -special.log_softmax(student)[label]
        losses.append(alpha * temperature**2 * float(divergence) + (1 - alpha) * float(hard))
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_loss_is_hintons_formula(temperature: float, alpha: float) -> None:
    found = loss(KD(temperature=temperature, alpha=alpha), STUDENT, TEACHER, LABELS)
    assert found.item() == pytest.approx(reference(temperature, alpha), rel=1e-12)


def test_its_gradient_is_the_derivative() -> None:
    student = STUDENT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(KD(temperature=3.0, alpha=0.7), x, TEACHER, LABELS), student)


def test_the_soft_gradient_is_the_papers() -> None:
    """Hinton et al. 2015, equation 2, times T²: T·(q − p) a sample."""
    student, temperature = STUDENT.clone().requires_grad_(), 5.0
    loss(KD(temperature=temperature, alpha=1.0), student, TEACHER, LABELS).backward()
    expected = temperature * ((STUDENT / temperature).softmax(1) - (TEACHER / temperature).softmax(1)) / len(STUDENT)
    assert student.grad is not None
    torch.testing.assert_close(student.grad, expected)


def test_t_squared_keeps_the_gradient_at_high_temperature() -> None:
    """Equation 4: for T -> infinity and logits of zero mean the gradient becomes (z − v) / classes, whatever T."""
    student = (STUDENT - STUDENT.mean(1, keepdim=True)).requires_grad_()
    teacher = TEACHER - TEACHER.mean(1, keepdim=True)
    loss(KD(temperature=100.0, alpha=1.0), student, teacher, LABELS).backward()
    assert student.grad is not None
    expected = (student.detach() - teacher) / 4 / len(STUDENT)
    torch.testing.assert_close(student.grad, expected, rtol=0.1, atol=0.02)


def test_alpha_zero_is_cross_entropy_and_ignores_the_teacher() -> None:
    spec = KD(temperature=4.0, alpha=0.0)
    torch.testing.assert_close(loss(spec, STUDENT, TEACHER, LABELS), functional.cross_entropy(STUDENT, LABELS))
    torch.testing.assert_close(loss(spec, STUDENT, -TEACHER, LABELS), functional.cross_entropy(STUDENT, LABELS))


def test_alpha_one_ignores_the_labels_and_vanishes_where_the_student_is_the_teacher() -> None:
    spec = KD(temperature=4.0, alpha=1.0)
    assert loss(spec, STUDENT, TEACHER, LABELS).item() == loss(spec, STUDENT, TEACHER, LABELS.flip(0)).item()
    assert loss(spec, TEACHER, TEACHER, LABELS).item() == pytest.approx(0.0, abs=1e-12)


def test_stored_float16_logits_are_computed_in_the_students_type() -> None:
    student, stored = STUDENT.float(), TEACHER.to(torch.float16)
    found = loss(KD(), student, stored, LABELS)
    assert found.dtype == torch.float32
    assert found.item() == loss(KD(), student, stored.float(), LABELS).item()


def test_extreme_logits_stay_finite() -> None:
    extreme = torch.tensor([[60_000.0, -60_000.0]])
    assert torch.isfinite(loss(KD(temperature=0.5, alpha=0.5), extreme, -extreme, torch.tensor([0])))


def test_class_weights_weigh_the_labels_part_alone() -> None:
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
    hard = [
        -float(special.log_softmax(row)[label]) for row, label in zip(STUDENT.numpy(), LABELS.tolist(), strict=True)
    ]
    weighted = np.average(hard, weights=weights[LABELS].numpy())
    found = loss(KD(temperature=2.0, alpha=0.3), STUDENT, TEACHER, LABELS, weights)
    assert found.item() == pytest.approx(reference(2.0, 0.3) + 0.7 * (weighted - np.mean(hard)), rel=1e-12)
    soft = KD(temperature=2.0, alpha=1.0)
    assert loss(soft, STUDENT, TEACHER, LABELS, weights).item() == loss(soft, STUDENT, TEACHER, LABELS).item()


@pytest.mark.parametrize(
    "bad", [{"temperature": 0.0}, {"temperature": -1.0}, {"alpha": 1.1}, {"alpha": -0.1}, {"type": "dkd"}, {"T": 4.0}]
)
def test_parameters_out_of_range_and_unknown_ones_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        KD.model_validate(bad)
