"""Whether a candidate model should replace the incumbent champion, decided on the same test samples, in words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops import metric as metrics
from compression_ops import quantities
from compression_ops.evaluation import quality
from compression_ops.evaluation.statistics import Difference
from compression_ops.metric import WORDS, Metric

SIGNIFICANT = 0.05
# Of models that the test cannot tell apart, the candidate must be worth the change ...
LEAST_SMALLER = 0.05  # of the incumbent file's bytes
LEAST_FASTER = 0.10  # of the incumbent latency
# ... and may cost next to nothing. A test set too small to prove a loss never proves any: without this bound each of
# many promotions could take a little, and the champion would slowly decay.
LARGEST_LOSS_POINTS = 0.1
# Differences of accuracy are multiples of one sample, of bytes of one: far coarser than this allowance for rounding.
_ROUNDING = 1e-9
_PLURALS: dict[Metric, str] = {
    "accuracy": "accuracies",
    "balanced_accuracy": "balanced accuracies",
    "f1_macro": "macro F1 values",
}


@dataclass(frozen=True)
class Contender:
    """One model on the test split.

    logits      float32 [N, classes]
    labels      int64 [N], the true classes
    file_bytes  size of its ONNX file
    latency_us  median of a call at batch size 1, in microseconds
    """

    name: str
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    file_bytes: int
    latency_us: float

    @property
    def accuracy(self) -> float:
        """The fraction of samples whose largest logit is the true class's."""
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    def score(self, metric: Metric) -> float:
        """The value of a metric, in [0, 1]."""
        if metric == "accuracy":
            return self.accuracy
        counts = metrics.tally(self.labels, self.logits.argmax(axis=1), self.logits.shape[1])
        return float(metrics.value(metric, counts))


@dataclass(frozen=True)
class Decision:
    """promote: whether the candidate replaces the incumbent model; words: why, in two sentences with all numbers.

    numbers     candidate_test_accuracy, candidate_file_bytes, candidate_latency_us; where it was compared, the same of
                `incumbent_` and accuracy_change_points (positive: gained), p_value (McNemar's exact test). By another
                metric its numbers stand beside those of accuracy, and p_value is that of the paired bootstrap
    """

    promote: bool
    words: str
    numbers: dict[str, float]


def decide(candidate: Contender, incumbent: Contender | None, metric: Metric = "accuracy") -> Decision:
    """Promote what is better, or as good and cheaper.

    1. Without a incumbent model the candidate is promoted.
    2. Where a test tells the two apart (p < SIGNIFICANT), the one with the higher metric reigns: McNemar's exact test
       of accuracy, a paired bootstrap of the metrics that count each class the same.
    3. Else they count as equally good, and the candidate is promoted if its file is smaller by LEAST_SMALLER at
       least, or if a call is faster by LEAST_FASTER at least and the file no larger; but never where its metric is
       lower by more than LARGEST_LOSS_POINTS, proven or not.

    Raises ValueError if the two were not judged by the same labels.
    """
    if incumbent is None:
        return unopposed(candidate, "there is no champion yet", metric)
    if not np.array_equal(candidate.labels, incumbent.labels):
        raise ValueError(
            f"{candidate.name} and {incumbent.name} have other labels; both must be judged on the same samples in order"
        )
    change = quality.compare(candidate.logits, incumbent.name, incumbent.logits, candidate.labels)
    judged = change.of(metric)
    promote, reason = _judge(candidate, incumbent, judged, metric)
    verb = "replaces" if promote else "does not replace"
    facts = _compared(candidate, incumbent, judged, metric)
    numbers = {
        **_own_numbers("candidate", candidate, metric),
        **_own_numbers("incumbent", incumbent, metric),
        "accuracy_change_points": change.points,
        metrics.columns(metric).change: judged.points,
        "p_value": judged.p_value,
    }
    return Decision(promote, f"{candidate.name} {verb} {incumbent.name}: {reason}. {facts}", numbers)


def unopposed(candidate: Contender, reason: str, metric: Metric = "accuracy") -> Decision:
    """Promote without a comparison; `reason` says why there is none, and follows a colon."""
    facts = (
        f"Its {WORDS[metric]} is {_percent(candidate, metric)} {_of(metric)} "
        f"{quantities.count(len(candidate.labels))} test samples, its file "
        f"{quantities.count(candidate.file_bytes)} bytes without metadata, its latency "
        f"{quantities.duration(candidate.latency_us)} a call."
    )
    return Decision(
        True, f"{candidate.name} is promoted: {reason}. {facts}", _own_numbers("candidate", candidate, metric)
    )


def _judge(candidate: Contender, incumbent: Contender, change: Difference, metric: Metric) -> tuple[bool, str]:
    """Whether to promote, and why in a clause."""
    if change.p_value < SIGNIFICANT:
        return change.points > 0, f"{_better(change.points > 0, metric)}, and not by chance"
    alike = f"this test set cannot tell their {_PLURALS[metric]} apart"
    if change.points < -LARGEST_LOSS_POINTS - _ROUNDING:
        lost = quantities.points(-change.points, 2).lstrip("+")
        return False, (
            f"{alike}, but it loses {lost} points, and more than "
            f"{LARGEST_LOSS_POINTS:g} could add up over many promotions"
        )
    smaller = 1 - candidate.file_bytes / incumbent.file_bytes
    faster = 1 - candidate.latency_us / incumbent.latency_us
    if smaller >= LEAST_SMALLER - _ROUNDING:
        return True, f"{alike}, and its file is {100 * smaller:.1f} % smaller"
    if faster >= LEAST_FASTER - _ROUNDING and candidate.file_bytes <= incumbent.file_bytes:
        return True, f"{alike}, and it is {100 * faster:.1f} % faster with a file no larger"
    return False, (
        f"{alike}, and its file is neither {100 * LEAST_SMALLER:g} % smaller "
        f"nor is it {100 * LEAST_FASTER:g} % faster with a file no larger"
    )


def _better(higher: bool, metric: Metric) -> str:
    if metric == "accuracy":
        return f"it is {'more' if higher else 'less'} accurate"
    return f"its {WORDS[metric]} is {'higher' if higher else 'lower'}"


def _compared(candidate: Contender, incumbent: Contender, change: Difference, metric: Metric) -> str:
    return (
        f"{WORDS[metric][0].upper()}{WORDS[metric][1:]} {_percent(candidate, metric)} against "
        f"{_percent(incumbent, metric)} {_of(metric)} "
        f"{quantities.count(len(candidate.labels))} test samples ({quantities.points(change.points, 2)} points, "
        f"{quantities.p_equals(change.p_value)}), file {quantities.count(candidate.file_bytes)} against "
        f"{quantities.count(incumbent.file_bytes)} bytes without metadata, latency "
        f"{quantities.duration(candidate.latency_us)} against "
        f"{quantities.duration(incumbent.latency_us)} a call."
    )


def _of(metric: Metric) -> str:
    """Accuracy is a share of the samples; the others are measured on them."""
    return "of" if metric == "accuracy" else "on"


def _percent(contender: Contender, metric: Metric) -> str:
    return quantities.percent(contender.score(metric), quantities.accuracy_digits(len(contender.labels)))


def _own_numbers(role: str, contender: Contender, metric: Metric) -> dict[str, float]:
    return {
        f"{role}_test_accuracy": contender.accuracy,
        f"{role}_{metrics.columns(metric).value}": contender.score(metric),
        f"{role}_file_bytes": float(contender.file_bytes),
        f"{role}_latency_us": contender.latency_us,
    }
