"""The loss is Huang's: correlations as scipy computes them."""

import numpy as np
import pytest
import torch
from scipy import stats

from compression_ops.distillation.losses.dist import DIST, loss
from tests.compression_ops.distillation.losses.logits import LABELS, STUDENT, TEACHER, cross_entropies, probabilities


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize(("inter", "intra"), [(1.0, 0.0), (0.0, 1.0), (2.0, 3.0)])
def test_the_loss_is_huangs_formula(temperature: float, inter: float, intra: float) -> None:
    student, teacher = probabilities(temperature)
    rows = [stats.pearsonr(*pair).statistic for pair in zip(student, teacher, strict=True)]
    columns = [stats.pearsonr(*pair).statistic for pair in zip(student.T, teacher.T, strict=True)]
    soft = inter * (1 - np.mean(rows)) + intra * (1 - np.mean(columns))
    expected = 0.5 * cross_entropies().mean() + temperature**2 * soft
    spec = DIST(temperature=temperature, inter=inter, intra=intra, label_weight=0.5)
    assert loss(spec, STUDENT, TEACHER, LABELS).item() == pytest.approx(expected, rel=1e-6)


def test_the_relation_between_classes_needs_the_proportions_alone() -> None:
    """What the paper is about: probabilities that are any line of the teacher's are perfect."""
    _, teacher = probabilities(1.0)
    nearer = torch.from_numpy(np.log(0.5 * teacher + 0.5 / 4))
    spec = DIST(temperature=1.0, inter=1.0, intra=0.0, label_weight=0.0)
    assert loss(spec, nearer, TEACHER, LABELS).item() == pytest.approx(0.0, abs=1e-9)


def test_its_gradient_is_the_derivative() -> None:
    student = STUDENT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(DIST(temperature=3.0), x, TEACHER, LABELS), student)


def test_equal_logits_and_a_batch_of_one_have_finite_gradients() -> None:
    for rows in (torch.zeros(3, 4), torch.randn(1, 4)):
        student = rows.clone().requires_grad_()
        found = loss(DIST(), student, torch.randn(len(rows), 4).half(), LABELS[: len(rows)])
        found.backward()
        assert torch.isfinite(found)
        assert student.grad is not None
        assert torch.isfinite(student.grad).all()
