"""Standardized logits are z-scores; every loss on logits compares these, and its labels' part does not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from compression_ops.distillation.logit_loss import LogitLoss, softened
from compression_ops.distillation.losses import dist, dkd, function_matching, kd
from tests.compression_ops.distillation.losses.logits import LABELS, STUDENT, TEACHER

LOSSES: dict[str, tuple[type[LogitLoss], Callable[..., Tensor]]] = {
    "kd": (kd.KD, kd.loss),
    "dkd": (dkd.DKD, dkd.loss),
    "dist": (dist.DIST, dist.loss),
    "function_matching": (function_matching.FunctionMatching, function_matching.loss),
}
ONLY_SOFT = {"kd": {"alpha": 1.0}, "dkd": {"label_weight": 0.0, "warmup_epochs": 0}, "dist": {"label_weight": 0.0}}
ONLY_HARD = {"kd": {"alpha": 0.0}, "dkd": {"alpha": 0.0, "beta": 0.0}, "dist": {"inter": 0.0, "intra": 0.0}}


def test_z_scores_divided_by_the_temperature() -> None:
    found = softened(LogitLoss(temperature=2.0, standardize=True), STUDENT, TEACHER.half())
    for logits, expected in zip(found, (STUDENT, TEACHER.half().double()), strict=True):
        np.testing.assert_allclose(logits, stats.zscore(expected.numpy(), axis=1, ddof=1) / 2.0, rtol=1e-5)
    plain = softened(LogitLoss(temperature=2.0), STUDENT, TEACHER)
    np.testing.assert_array_equal(plain[0], STUDENT / 2.0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_magnitude_of_the_students_logits_is_free_where_they_are_compared(name: str) -> None:
    spec_class, loss = LOSSES[name]
    standardized = spec_class.model_validate({"standardize": True, **ONLY_SOFT.get(name, {})})
    plain = spec_class.model_validate(ONLY_SOFT.get(name, {}))
    scaled = STUDENT * 0.1 + torch.arange(6).double()[:, None]
    for spec, is_free in ((standardized, True), (plain, False)):
        found = [loss(spec, logits, TEACHER, LABELS).item() for logits in (STUDENT, scaled)]
        assert (found[0] == pytest.approx(found[1], rel=1e-4)) is is_free


@pytest.mark.parametrize("name", ONLY_HARD)
def test_what_is_learned_from_labels_takes_the_logits_as_they_are(name: str) -> None:
    spec_class, loss = LOSSES[name]
    found = [
        loss(spec_class.model_validate({"standardize": on, **ONLY_HARD[name]}), STUDENT, TEACHER, LABELS).item()
        for on in (False, True)
    ]
    assert found[0] == found[1]


def test_equal_logits_have_no_deviation_and_stay_finite() -> None:
    student = torch.zeros(2, 4, requires_grad=True)
    found = kd.loss(kd.KD(standardize=True), student, torch.zeros(2, 4), LABELS[:2])
    found.backward()
    assert torch.isfinite(found)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()
