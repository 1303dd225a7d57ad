"""The metric by which a recipe's models are chosen and judged, and how it is counted.

Spec modules import this one, so numpy is imported inside functions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Metric = Literal["accuracy", "balanced_accuracy", "f1_macro"]
# Those that count every class the same, however few its samples are.
CLASS_AVERAGED: tuple[Metric, ...] = ("balanced_accuracy", "f1_macro")
WORDS: dict[Metric, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "macro F1",
}


@dataclass(frozen=True)
class Columns:
    """How the numbers of a metric are called among those of a model.

    value         on the test split
    change        against the parent, percentage points;  p_value  of that change
    gain          of a student against its control, percentage points;  gain_p_value  of that gain
    """

    value: str
    change: str
    p_value: str
    gain: str
    gain_p_value: str


def columns(metric: Metric) -> Columns:
    """The names of a metric's numbers; those of accuracy came first and stand without its name in some."""
    if metric == "accuracy":
        return Columns(
            "test_accuracy",
            "accuracy_change_points",
            "mcnemar_p_value",
            "distillation_gain_points",
            "distillation_p_value",
        )
    return Columns(
        f"test_{metric}",
        f"{metric}_change_points",
        f"{metric}_p_value",
        f"distillation_gain_{metric}_points",
        f"distillation_{metric}_p_value",
    )


@dataclass(frozen=True)
class Tally:
    """Of each class how many samples are of it, are predicted as it, and are both.

    Each is a number array [..., classes]; leading axes are so many predictions or resamples.
    """

    hits: "NDArray[np.number]"
    actual: "NDArray[np.number]"
    predicted: "NDArray[np.number]"


def tally(labels: "NDArray[np.integer]", predictions: "NDArray[np.integer]", classes: int) -> Tally:
    """Counts of one classifier's predictions; labels and predictions are class indices, integer [N]."""
    import numpy as np

    hits = labels[labels == predictions]
    return Tally(*(np.bincount(indices, minlength=classes) for indices in (hits, labels, predictions)))


def recall(counts: Tally) -> "NDArray[np.float64]":
    """Of a class's samples the fraction predicted as it; NaN for a class without samples."""
    return _ratio(counts.hits, counts.actual)


def precision(counts: Tally) -> "NDArray[np.float64]":
    """Of the samples predicted as a class the fraction that is of it; NaN for a class that is never predicted."""
    return _ratio(counts.hits, counts.predicted)


def f1(counts: Tally) -> "NDArray[np.float64]":
    """The harmonic mean of precision and recall, 0 without a hit; NaN for a class neither present nor predicted."""
    return _ratio(2 * counts.hits, counts.actual + counts.predicted)


def value(metric: Metric, counts: Tally) -> "NDArray[np.float64]":
    """The metric in [0, 1], float64 [...].

    accuracy           the fraction predicted right
    balanced_accuracy  the mean recall of the classes that have samples (Brodersen et al. 2010)
    f1_macro           the mean F1 of the classes that have samples or are predicted
    """
    import numpy as np

    if metric == "accuracy":
        return np.asarray(counts.hits.sum(axis=-1) / counts.actual.sum(axis=-1))
    return np.asarray(np.nanmean(recall(counts) if metric == "balanced_accuracy" else f1(counts), axis=-1))


def _ratio(part: "NDArray[np.number]", whole: "NDArray[np.number]") -> "NDArray[np.float64]":
    import numpy as np

    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
