"""What two classifiers' answers to the same samples say: a paired interval, and how likely the true classes were."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

_ADDED = 0.5  # samples, to each of the four cells


def interval(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], confidence: float = 0.95
) -> tuple[float, float]:
    """The confidence interval of the second's accuracy less the first's, in [-1, 1]: the adjusted Wald interval for
    matched pairs of Agresti & Min 2005, with half a sample more in each cell of the table right / wrong.

    first_right, second_right: bool [N], whether each classifier was right on sample i. Raises ValueError if the shapes
    differ, or for no sample.
    """
    if first_right.shape != second_right.shape or len(first_right) == 0:
        raise ValueError(f"shapes {first_right.shape} and {second_right.shape}; allowed are two equal ones, not empty")
    gained = float(np.count_nonzero(second_right & ~first_right)) + _ADDED
    lost = float(np.count_nonzero(first_right & ~second_right)) + _ADDED
    samples = len(first_right) + 4 * _ADDED
    difference = (gained - lost) / samples
    deviation = ((gained + lost) / samples - difference**2) ** 0.5 / samples**0.5
    reach = float(special.ndtri((1 + confidence) / 2)) * deviation
    return max(-1.0, difference - reach), min(1.0, difference + reach)


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The softmax of logits, float [N, classes]."""
    return np.asarray(special.softmax(logits.astype(np.float64), axis=1))


def negative_log_likelihood(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The mean of -ln p(true class), in nats; 0 is best, ln C what always saying 1 / C costs.

    logits: float [N, classes]; labels: int64 [N].
    """
    told = special.log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]
    return float(-told.mean())
