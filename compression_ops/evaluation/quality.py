"""How well a classifier does on the test split, and how that differs from another classifier on the same samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compression_ops import metric as metrics
from compression_ops.errors import ModelError
from compression_ops.evaluation import bootstrap, statistics
from compression_ops.evaluation.statistics import Difference, Estimate, Proportion
from compression_ops.metric import Metric


@dataclass(frozen=True)
class Quality:
    """One classifier on the test split.

    class_accuracy: of each class the fraction predicted right, None for a class without test samples;
    confusion: int64 [classes, classes], row = true class, column = predicted class, value = samples;
    class_averaged: the metrics that count each class the same, with their bootstrap intervals;
    roc_auc: of two classes the area under the ROC curve, in [0, 1]; None for more classes, or where one has no sample.
    """

    accuracy: Proportion
    expected_calibration_error: float
    class_accuracy: tuple[float | None, ...]
    confusion: NDArray[np.int64]
    class_averaged: Mapping[Metric, Estimate] = field(default_factory=dict)
    roc_auc: float | None = None

    def of(self, metric: Metric) -> Estimate:
        """A metric with its 95 % interval: of accuracy by Wilson, of the others by bootstrap."""
        if metric == "accuracy":
            return Estimate(self.accuracy.value, self.accuracy.low, self.accuracy.high)
        return self.class_averaged[metric]

    @property
    def tally(self) -> metrics.Tally:
        """Its counts by class."""
        return metrics.Tally(np.diag(self.confusion), self.confusion.sum(axis=1), self.confusion.sum(axis=0))

    @property
    def class_precision(self) -> tuple[float | None, ...]:
        """Of what is predicted as each class the fraction that is right; None for a class that is never predicted."""
        return _without_nan(metrics.precision(self.tally))

    @property
    def class_f1(self) -> tuple[float | None, ...]:
        """Of each class the harmonic mean of precision and recall; None for one neither present nor predicted."""
        return _without_nan(metrics.f1(self.tally))


@dataclass(frozen=True)
class Change:
    """A classifier against a reference on the same samples: accuracy gained (positive) or lost, in percentage points,
    overall and per class (None for a class without test samples); on how many samples only one of the two was right;
    and the p-value of McNemar's exact test on those. class_averaged: the same of the metrics that count each class the
    same, by paired bootstrap.
    """

    reference: str
    points: float
    class_points: tuple[float | None, ...]
    only_model_right: int
    only_reference_right: int
    p_value: float
    class_averaged: Mapping[Metric, Difference] = field(default_factory=dict)

    def of(self, metric: Metric) -> Difference:
        """What was gained or lost in a metric, and whether that may be chance."""
        return Difference(self.points, self.p_value) if metric == "accuracy" else self.class_averaged[metric]


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
        class_averaged=bootstrap.estimates(labels, predictions, logits.shape[1]),
        roc_auc=_roc_auc(logits, labels),
    )


def compare(
    logits: NDArray[np.float32], reference: str, reference_logits: NDArray[np.float32], labels: NDArray[np.int64]
) -> Change:
    """What changed from the reference, whose name is `reference`; logits float32 [N, classes], labels int64 [N]."""
    predictions, reference_predictions = logits.argmax(axis=1), reference_logits.argmax(axis=1)
    right, reference_right = predictions == labels, reference_predictions == labels
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
        class_averaged=bootstrap.differences(labels, predictions, reference_predictions, logits.shape[1]),
    )


def numbers(
    metric: Metric, quality: Quality, change: Change | None, gain: Change | None
) -> dict[str, float | int | None]:
    """The numbers of one metric by their columns: of a model, against its parent, against its control."""
    column, found = metrics.columns(metric), quality.of(metric)
    against_parent, against_control = (None if one is None else one.of(metric) for one in (change, gain))
    return {
        column.value: found.value,
        f"{column.value}_low": found.low,
        f"{column.value}_high": found.high,
        column.change: None if against_parent is None else against_parent.points,
        column.p_value: None if against_parent is None else against_parent.p_value,
        column.gain: None if against_control is None else against_control.points,
        column.gain_p_value: None if against_control is None else against_control.p_value,
    }


def _roc_auc(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    """By Mann & Whitney: how likely a sample of class 1 has a higher score than one of class 0."""
    if logits.shape[1] != 2 or len(np.unique(labels)) != 2:
        return None
    from sklearn.metrics import roc_auc_score

    scores = logits.astype(np.float64)
    return float(roc_auc_score(labels, scores[:, 1] - scores[:, 0]))


def _without_nan(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)
