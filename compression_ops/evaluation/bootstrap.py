"""What a test set can and cannot say about metrics that are no proportion: resampled test samples.

The paired bootstrap of Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 16: so many times as
many test samples as there are, drawn with replacement, the same ones for all classifiers that are compared. It is
seeded: equal predictions give equal numbers.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from compression_ops import metric as metrics
from compression_ops.evaluation.statistics import Difference, Estimate
from compression_ops.metric import CLASS_AVERAGED, Metric, Tally

REPLICATES = 2000
_SEED = 0
_ENDS = (0.025, 0.975)
_ROUNDING = 1e-9  # of percentage points: what is equal but for the order of its sums is equal
# Draws that are in memory at a time.
_DRAWS = 2**22


def estimates(labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> dict[Metric, Estimate]:
    """The metrics that count each class the same, with their 95 % percentile intervals; class indices int64 [N]."""
    counts, (resampled,) = metrics.tally(labels, predictions, classes), resample(labels, [predictions], classes)
    found: dict[Metric, Estimate] = {}
    for metric in CLASS_AVERAGED:
        low, high = np.quantile(metrics.value(metric, resampled), _ENDS).tolist()
        found[metric] = Estimate(float(metrics.value(metric, counts)), low, high)
    return found


def differences(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], reference: NDArray[np.int64], classes: int
) -> dict[Metric, Difference]:
    """What a classifier gains over a reference in those metrics, in percentage points; class indices int64 [N].

    The p-value is two-sided: twice the share of replicates on the other side of zero (or on it), each side counted
    with one replicate more, so that it is never 0.
    """
    first, second = (metrics.tally(labels, predicted, classes) for predicted in (predictions, reference))
    resampled, resampled_reference = resample(labels, [predictions, reference], classes)
    found: dict[Metric, Difference] = {}
    for metric in CLASS_AVERAGED:
        gains = 100 * (metrics.value(metric, resampled) - metrics.value(metric, resampled_reference))
        side = 1 + int(min(np.count_nonzero(gains <= _ROUNDING), np.count_nonzero(gains >= -_ROUNDING)))
        low, high = np.quantile(gains, _ENDS).tolist()
        points = 100 * float(metrics.value(metric, first) - metrics.value(metric, second))
        found[metric] = Difference(points, min(1.0, 2 * side / (REPLICATES + 1)), low, high)
    return found


def resample(labels: NDArray[np.int64], predictions: Sequence[NDArray[np.int64]], classes: int) -> list[Tally]:
    """Of each classifier its counts [REPLICATES, classes] on the same resampled test samples.

    Samples with one label and the same predictions are alike, so how often each sort is drawn is multinomial: that is
    exactly the bootstrap over samples, and far fewer draws.
    """
    sorts, sizes = np.unique(np.stack([labels, *predictions], axis=1), axis=0, return_counts=True)
    generator, shares = np.random.default_rng(_SEED), sizes / len(labels)
    actual = _of_class(sorts[:, 0], classes)
    predicted = [_of_class(column, classes) for column in sorts[:, 1:].T]
    hits = [_of_class(sorts[:, 0], classes, column == sorts[:, 0]) for column in sorts[:, 1:].T]
    parts: list[list[Tally]] = [[] for _ in predictions]
    step = max(1, _DRAWS // len(sorts))
    for start in range(0, REPLICATES, step):
        draws = generator.multinomial(len(labels), shares, size=min(step, REPLICATES - start)).T
        present = _sums(actual, draws)
        for part, hit, guess in zip(parts, hits, predicted, strict=True):
            part.append(Tally(_sums(hit, draws), present, _sums(guess, draws)))
    return [_joined(part) for part in parts]


def _of_class(indices: NDArray[np.int64], classes: int, counted: NDArray[np.bool_] | None = None) -> sparse.csr_array:
    """0 or 1 [classes, sorts]: whether a sort is of a class, and counted."""
    ones = np.ones(len(indices), np.int64) if counted is None else counted.astype(np.int64)
    return sparse.csr_array((ones, (indices, np.arange(len(indices)))), shape=(classes, len(indices)))


def _sums(members: sparse.csr_array, draws: NDArray[np.int64]) -> NDArray[np.int64]:
    return cast("NDArray[np.int64]", members @ draws).T


def _joined(parts: Sequence[Tally]) -> Tally:
    return Tally(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("hits", "actual", "predicted")))
