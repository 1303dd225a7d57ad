"""The divergence alone, whatever the labels."""

import numpy as np
import pytest
from scipy import stats

from compression_ops.distillation.losses.function_matching import FunctionMatching, loss
from tests.compression_ops.distillation.losses.logits import LABELS, STUDENT, TEACHER, probabilities


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_loss_is_the_divergence_of_the_two_distributions(temperature: float) -> None:
    student, teacher = probabilities(temperature)
    expected = temperature**2 * np.mean([stats.entropy(t, s) for s, t in zip(student, teacher, strict=True)])
    found = loss(FunctionMatching(temperature=temperature), STUDENT, TEACHER, LABELS)
    assert found.item() == pytest.approx(expected, rel=1e-10)


def test_no_label_is_read_so_that_samples_may_be_mixed() -> None:
    assert FunctionMatching.takes_mixed_labels
    assert not getattr(FunctionMatching, "weighs_classes", False)
    found = [loss(FunctionMatching(), STUDENT, TEACHER, labels).item() for labels in (LABELS, LABELS.flip(0))]
    assert found[0] == found[1]
