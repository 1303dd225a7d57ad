"""What all seeds of a model say: a table of their mean and deviation, and sentences on what is more than chance."""

from compression_ops import quantities
from compression_ops.evaluation.over_seeds import OverSeeds
from compression_ops.evaluation.statistics import Difference
from compression_ops.metric import WORDS, Metric
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

_SIGNIFICANT = 0.05


def table(report: Report) -> Table | None:
    """One row a model that was trained from several seeds; None where none was."""
    digits, metric = report.digits + 1, report.metric
    rows = tuple(
        (
            model.name,
            str(seeds.seeds),
            f"{quantities.percent(seeds.mean(metric), digits)} ± {100 * seeds.deviation(metric):.{digits}f}",
            f"{100 * min(seeds.values[metric]):.{digits}f} to {100 * max(seeds.values[metric]):.{digits}f} %",
            *_cells(seeds.change.get(metric), digits),
            *_cells(seeds.distillation.get(metric), digits),
        )
        for model in report.models
        if (seeds := model.over_seeds) is not None
    )
    if not rows:
        return None
    heads = ("Model", "Seeds", "Mean ± sd", "Range", "Change", "p", "Gain over control", "Gain's p")
    note = (
        f"Test {WORDS[metric]} of each network trained from another seed; sd: standard deviation between seeds. "
        "Change: the mean against the parent, gain: against the control, seed by seed, in percentage points; p counts "
        "the chance of seeds and of test samples (crossed random effects, Owen 2007)."
    )
    return Table("Over seeds", heads, rows, note)


def sentences(report: Report) -> list[tuple[str, str]]:
    """(model, sentence) of each student with a control that was trained from several seeds."""
    return [
        (model.name, gained(model.distillation.reference, seeds, report.digits + 1, report.metric))
        for model in report.models
        if (seeds := model.over_seeds) is not None and model.distillation is not None
    ]


def gained(control: str, seeds: OverSeeds, digits: int, metric: Metric) -> str:
    """What distillation gained over all seeds, and whether that is more than chance."""
    gain = seeds.distillation[metric]
    chance = quantities.p_equals(gain.p_value)
    interval = f"95 % interval {quantities.points(gain.low, digits)} to {quantities.points(gain.high, digits)}"
    over = f"Over {seeds.seeds} seeds distillation"
    if gain.points == 0:
        return f"{over} made no difference to {WORDS[metric]} against {control} ({interval}, {chance})."
    words = "gained" if gain.points > 0 else "cost"
    told = f"{over} {words} {abs(gain.points):.{digits}f} points of {WORDS[metric]}"
    verdict = (
        "more than chance" if gain.p_value < _SIGNIFICANT else "seeds and test samples cannot tell that from chance"
    )
    return f"{told} against {control} ({interval}, {chance}): {verdict}."


def _cells(difference: Difference | None, digits: int) -> tuple[str, str]:
    if difference is None:
        return quantities.MISSING, quantities.MISSING
    return quantities.points(difference.points, digits), quantities.p_value(difference.p_value)
