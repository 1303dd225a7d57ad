"""What a test set can and cannot say about a classifier: intervals, paired tests, calibration, per-class change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Proportion:
    """successes of trials, the fraction, and its two-sided confidence interval [low, high]; all fractions in [0, 1]."""

    successes: int
    trials: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A number in [0, 1] and its 95 % confidence interval [low, high]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """What one classifier gains over another on the same samples: percentage points, the two-sided p-value, and where
    it is known the 95 % confidence interval [low, high], percentage points.
    """

    points: float
    p_value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same samples: how often only one of them was right, and the p-value of that split."""

    only_first: int
    only_second: int
    p_value: float


def proportion(successes: int, trials: int, confidence: float = 0.95) -> Proportion:
    """A fraction with its Wilson score interval (Wilson 1927), which stays inside [0, 1] and holds near 100 %.

    Raises ValueError unless 0 <= successes <= trials and trials >= 1.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials; allowed is 0 <= successes <= trials, trials >= 1")
    z = float(special.ndtri((1 + confidence) / 2))
    value = successes / trials
    denominator = 1 + z * z / trials
    centre = (value + z * z / (2 * trials)) / denominator
    half_width = z / denominator * (value * (1 - value) / trials + z * z / (4 * trials * trials)) ** 0.5
    # The ends meet the value exactly at 0 and 1; rounding must not push them past it.
    low = 0.0 if successes == 0 else max(0.0, centre - half_width)
    high = 1.0 if successes == trials else min(1.0, centre + half_width)
    return Proportion(successes, trials, value, low, high)


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> PairedTest:
    """McNemar's exact test (McNemar 1947): two-sided binomial test, p = 1/2, on the samples where only one was right.

    first_right, second_right: bool [N], whether each classifier was right on sample i. Without any such sample the
    p-value is 1. Raises ValueError if the shapes differ.
    """
    _same_shape(first_right, second_right)
    only_first = int(np.count_nonzero(first_right & ~second_right))
    only_second = int(np.count_nonzero(second_right & ~first_right))
    discordant = only_first + only_second
    if discordant == 0:
        return PairedTest(0, 0, 1.0)
    tail = float(special.bdtr(min(only_first, only_second), discordant, 0.5))
    return PairedTest(only_first, only_second, min(1.0, 2 * tail))


def agreement(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """The fraction of samples on which two classifiers predict the same class; both are class indices [N]."""
    _same_shape(first, second)
    return float(np.mean(first == second))


def expected_calibration_error(
    logits: NDArray[np.floating], labels: NDArray[np.integer], bins: int = CALIBRATION_BINS
) -> float:
    """ECE by Guo et al. 2017: the gap between confidence and accuracy, averaged over equally wide bins of confidence.

    logits: float [N, classes]; labels: integer [N]. Confidence is the largest softmax probability, and bin m of M holds
    ((m - 1) / M, m / M]; each bin weighs as many as its samples. In [0, 1]; 0 is perfect calibration.
    """
    confidence, members = confidence_bins(logits, bins)
    right = np.argmax(logits, axis=1) == labels
    gaps = np.bincount(members, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def confidence_bins(
    logits: NDArray[np.floating], bins: int = CALIBRATION_BINS
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of each sample the largest softmax probability, float64 [N], and the bin that it falls into, int64 [N]."""
    confidence = special.softmax(np.asarray(logits, dtype=np.float64), axis=1).max(axis=1)
    return confidence, np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def confusion_matrix(labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """int64 [classes, classes]: row = true class, column = predicted class, value = number of samples."""
    _same_shape(labels, predictions)
    pairs = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).astype(np.int64).reshape(classes, classes)


def class_accuracy(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [classes]: of each true class, the fraction predicted right (recall); NaN for a class without samples."""
    samples = confusion.sum(axis=1)
    return np.divide(np.diag(confusion), samples, out=np.full(len(confusion), np.nan), where=samples > 0)


def _same_shape(first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
    if first.shape != second.shape:
        raise ValueError(f"shapes {first.shape} and {second.shape} differ; both must hold one value a sample")
