"""Whether a model beats one that looks at no sample: that always answers the largest class, or any class by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation.quality import Quality
from compression_ops.evaluation.statistics import Estimate

# Where the largest class has so many times the samples of the smallest, accuracy says little about the small ones.
_UNBALANCED = 2
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Majority:
    """The test split's largest class.

    index       of that class, the first of equals
    rate        its share of the samples: the accuracy of always answering it, in [0, 1]
    chance      balanced accuracy of any answer that does not depend on the sample: 1 / the classes that have samples
    unbalanced  whether it has at least twice the samples of the smallest class
    """

    index: int
    rate: float
    chance: float
    unbalanced: bool


def of_samples(samples: NDArray[np.int64]) -> Majority:
    """From the test samples of each class, int64 [classes]."""
    largest, smallest = int(samples.max()), int(samples.min())
    return Majority(
        index=int(samples.argmax()),
        rate=largest / int(samples.sum()),
        chance=1 / int(np.count_nonzero(samples)),
        unbalanced=largest >= _UNBALANCED * smallest,
    )


def hardly_better(quality: Quality, majority: Majority, name: str, digits: int) -> str | None:
    """Why a model may be no better than looking at no sample, as a sentence; None where it is better.

    That is where the lower end of its 95 % interval is at or below what such an answer gets. name: of the largest
    class; digits: decimals of a percentage.
    """
    accuracy, balanced = quality.of("accuracy"), quality.of("balanced_accuracy")
    reasons: list[str] = []
    if accuracy.low <= majority.rate + _ROUNDING:
        rate = quantities.percent(majority.rate, digits)
        reasons.append(f"always answering {name!r} has an accuracy of {rate}, it has {_interval(accuracy, digits)}")
    if balanced.low <= majority.chance + _ROUNDING:
        chance = quantities.percent(majority.chance, digits)
        reasons.append(f"chance has a balanced accuracy of {chance}, it has {_interval(balanced, digits)}")
    return f"hardly beats looking at no sample: {'; '.join(reasons)}." if reasons else None


def _interval(found: Estimate, digits: int) -> str:
    low, high = 100 * found.low, 100 * found.high
    return f"{quantities.percent(found.value, digits)} (95 % interval {low:.{digits}f} to {high:.{digits}f} %)"
