"""Bins of confidence against counting by hand, and against the expected calibration error that they make up."""

import numpy as np
import pytest

from compression_ops.evaluation import statistics
from compression_ops.evaluation.models import calibration
from compression_ops.evaluation.models.calibration import Bin, Calibration


def test_bins_hold_the_samples_that_a_model_is_about_as_sure_of() -> None:
    """Of two classes: three samples with 0.9 (of which two are right), one with 0.6 that is wrong."""
    shares = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.4, 0.6]])
    found = calibration.of_logits(np.log(shares).astype(np.float32), np.array([0, 1, 1, 0]))
    assert [each.samples for each in found.bins] == [1, 3]
    assert [each.accuracy for each in found.bins] == pytest.approx([0, 2 / 3])
    assert [each.confidence for each in found.bins] == pytest.approx([0.6, 0.9])
    assert found.mean_confidence == pytest.approx((3 * 0.9 + 0.6) / 4)
    assert found.negative_log_likelihood == pytest.approx(-np.log([0.9, 0.9, 0.1, 0.4]).mean())


def test_their_mean_distance_is_the_expected_calibration_error() -> None:
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(0, 2, (500, 7)).astype(np.float32), generator.integers(0, 7, 500)
    found = calibration.of_logits(logits, labels)
    gap = sum(each.samples * abs(each.confidence - each.accuracy) for each in found.bins) / 500
    assert gap == pytest.approx(statistics.expected_calibration_error(logits, labels))


def test_it_comes_back_from_its_fields() -> None:
    fields = {
        "mean_confidence": 0.5,
        "negative_log_likelihood": 1.0,
        "bins": [{"samples": 2, "confidence": 0.5, "accuracy": 1}],
    }
    assert Calibration.from_fields(fields) == Calibration(0.5, 1.0, (Bin(2, 0.5, 1),))
