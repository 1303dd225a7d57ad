"""How well a classifier does on the test split, and how that differs from another classifier on the same samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops.errors import ModelError
from compression_ops.evaluation import statistics
from compression_ops.evaluation.statistics import Proportion


@dataclass(frozen=True)
class Quality:
    """One classifier on the test split.

    class_accuracy: of each class the fraction predicted right, None for a class without test samples;
    confusion: int64 [classes, classes], row = true class, column = predicted class, value = samples.
    """

    accuracy: Proportion
    expected_calibration_error: float
    class_accuracy: tuple[float | None, ...]
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class Change:
    """A classifier against a reference on the same samples: accuracy gained (positive) or lost, in percentage points,
    overall and per class (None for a class without test samples); on how many samples only one of the two was right;
    and the p-value of McNemar's exact test on those.
    """

    reference: str
    points: float
    class_points: tuple[float | None, ...]
    only_model_right: int
    only_reference_right: int
    p_value: float


def check_logits(name: str, logits: NDArray[np.float32], samples: int, classes: int) -> None:
    """Raises ModelError unless `logits` is [samples, classes] and finite."""
    if logits.shape != (samples, classes):
        raise ModelError(
            f"{name}: its session returned an array of shape {logits.shape} for the {samples} test samples; "
            f"allowed is ({samples}, {classes}), one logit for each of the data set's {classes} classes"
        )
    broken = int(np.count_nonzero(~np.isfinite(logits).all(axis=1)))
    if broken:
        raise ModelError(
            f"{name}: logits of {broken} of {samples} test samples are not finite, so no accuracy can be told; "
            "see whether its training diverged, or its quantization ranges are empty"
        )


def assess(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Quality:
    """Quality of a classifier from its logits, float32 [N, classes], and the true labels, int64 [N]."""
    predictions = logits.argmax(axis=1)
    confusion = statistics.confusion_matrix(labels, predictions, logits.shape[1])
    return Quality(
        accuracy=statistics.proportion(int(np.trace(confusion)), len(labels)),
        expected_calibration_error=statistics.expected_calibration_error(logits, labels),
        class_accuracy=_without_nan(statistics.class_accuracy(confusion)),
        confusion=confusion,
    )


def compare(
    logits: NDArray[np.float32], reference: str, reference_logits: NDArray[np.float32], labels: NDArray[np.int64]
) -> Change:
    """What changed from the reference, whose name is `reference`; logits float32 [N, classes], labels int64 [N]."""
    right, reference_right = logits.argmax(axis=1) == labels, reference_logits.argmax(axis=1) == labels
    test = statistics.mcnemar(right, reference_right)
    samples = np.bincount(labels, minlength=logits.shape[1])
    gained = np.bincount(labels, weights=right.astype(int) - reference_right.astype(int), minlength=logits.shape[1])
    class_points = np.divide(100 * gained, samples, out=np.full(len(samples), np.nan), where=samples > 0)
    return Change(
        reference=reference,
        points=100 * (test.only_first - test.only_second) / len(labels),
        class_points=_without_nan(class_points),
        only_model_right=test.only_first,
        only_reference_right=test.only_second,
        p_value=test.p_value,
    )


def _without_nan(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)
