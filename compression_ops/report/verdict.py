"""Whether a quantized model is as accurate and as small as was asked, and what distillation gained, in words."""

from dataclasses import dataclass

from compression_ops import quantities
from compression_ops.evaluation.quality import Change
from compression_ops.evaluation.statistics import Difference
from compression_ops.metric import WORDS, Metric
from compression_ops.report.limits import Limits

# Differences of accuracy are multiples of one sample: far coarser than this allowance for rounding in binary.
_ROUNDING = 1e-9
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Verdict:
    """passed: both limits hold. drop_points: what the metric that judges lost to the parent, in percentage points
    (negative: gained), the mean where there are several seeds; compression_ratio: the teacher's file size / this one's.
    words: one sentence with both numbers and both limits.
    """

    passed: bool
    drop_points: float
    compression_ratio: float
    words: str


def judge(
    change: Change,
    compression_ratio: float,
    limits: Limits,
    digits: int,
    metric: Metric = "accuracy",
    over_seeds: tuple[int, Difference] | None = None,
) -> Verdict:
    """A model against its parent (`change`) and the limits.

    over_seeds  of a model from several seeds how many, and the mean of their changes: that is judged, as the gate does
    """
    found = change.of(metric) if over_seeds is None else over_seeds[1]
    drop = 0.0 - found.points
    accurate = drop <= limits.max_accuracy_drop + _ROUNDING
    small = compression_ratio >= limits.min_compression * (1 - _ROUNDING)
    verb = "Loses" if drop > 0 else "Gains"
    of_what, what = ("", "") if metric == "accuracy" else (f" of {WORDS[metric]}", f" {WORDS[metric]}")
    lost = quantities.beside(limits.max_accuracy_drop, drop, digits) if drop > 0 else f"{-drop:.{digits}f}"
    moved = f"{verb} {lost} points{of_what}" if drop else f"Neither gains nor loses{what}"
    seeds = "" if over_seeds is None else f"mean of {over_seeds[0]} seeds; "
    allowed = f"at most {limits.max_accuracy_drop:g} may be lost{'' if accurate else ', so this fails'}"
    asked = f"at least {limits.min_compression:g}× asked{'' if small else ', so this fails'}"
    words = (
        f"{moved} against {change.reference} ({seeds}{allowed}; {quantities.p_equals(found.p_value)}); its file is "
        f"{quantities.ratio_beside(limits.min_compression, compression_ratio)} smaller than the teacher's ({asked})."
    )
    return Verdict(accurate and small, drop, compression_ratio, words)


def distillation_words(student: str, change: Change, digits: int, metric: Metric = "accuracy") -> str:
    """One sentence: what the teacher's soft labels gained over training the same student on the labels alone."""
    gain = change.of(metric)
    if gain.points == 0:
        alike = "is as accurate as" if metric == "accuracy" else f"has the {WORDS[metric]} of"
        told = f"{student} {alike} {change.reference}"
        return f"Distillation made no difference: {told} ({quantities.p_equals(gain.p_value)})."
    verb = "gained" if gain.points > 0 else "cost"
    certainty = "" if gain.p_value < _SIGNIFICANT else "; this test set cannot tell that from chance"
    moved = f"{verb} {abs(gain.points):.{digits}f} points of {WORDS[metric]}"
    return f"Distillation {moved} against {change.reference} ({quantities.p_equals(gain.p_value)}){certainty}."
