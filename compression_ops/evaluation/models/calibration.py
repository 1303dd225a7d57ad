"""How far a classifier's probabilities can be trusted: confidence against accuracy, bin by bin (Guo et al. 2017)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops.evaluation import statistics
from compression_ops.evaluation.comparison import paired


@dataclass(frozen=True)
class Bin:
    """The samples whose confidence falls into one bin: how many, their mean confidence and accuracy, in [0, 1]."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """mean_confidence          of the class that it says, in [0, 1]: above the accuracy of one that is too sure
    negative_log_likelihood  of the true class, mean, in nats
    bins                     those of `statistics.CALIBRATION_BINS` equal ones that hold samples, by rising confidence
    """

    mean_confidence: float
    negative_log_likelihood: float
    bins: tuple[Bin, ...]

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Calibration":
        """From JSON."""
        typed: dict[str, Any] = {**fields, "bins": tuple(Bin(**each) for each in fields["bins"])}
        return cls(**typed)


def of_logits(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Of a classifier by its logits, float32 [N, classes], and the true labels, int64 [N]."""
    confidence, members = statistics.confidence_bins(logits)
    right = logits.argmax(axis=1) == labels
    bins = [members == index for index in np.unique(members)]
    return Calibration(
        float(confidence.mean()),
        paired.negative_log_likelihood(logits, labels),
        tuple(Bin(int(each.sum()), float(confidence[each].mean()), float(right[each].mean())) for each in bins),
    )
