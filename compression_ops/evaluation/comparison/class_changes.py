"""Which classes a model tells otherwise than another one does: from the confusion matrices of both alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassChange:
    """A class whose row of the confusion matrix changed.

    samples        of the class, in the test split
    points         the second's accuracy on it less the first's, percentage points
    confusions     (class that is said instead, how many samples more or fewer), the largest change first
    """

    label: int
    samples: int
    points: float
    confusions: tuple[tuple[int, int], ...]


def between(first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[ClassChange, ...]:
    """The classes whose row of the confusion matrix, int64 [classes, classes], changed: those that lost most first."""
    difference = second - first
    samples = first.sum(axis=1)

    def of_class(label: int) -> ClassChange:
        row = difference[label]
        others = [(other, int(row[other])) for other in np.flatnonzero(row).tolist() if other != label]
        confusions = tuple(sorted(others, key=lambda pair: -abs(pair[1])))
        points = 100 * int(row[label]) / int(samples[label])
        return ClassChange(label, int(samples[label]), points, confusions)

    changes = [of_class(label) for label in np.flatnonzero(difference.any(axis=1)).tolist()]
    return tuple(sorted(changes, key=lambda change: change.points))
