"""The tables and sentences of a comparison, which a terminal and the page both show. The models are called A and B."""

from collections.abc import Sequence
from dataclasses import replace

from compression_ops import quantities
from compression_ops.evaluation.comparison.comparison import Comparison
from compression_ops.evaluation.comparison.flips import Answer, Flip
from compression_ops.evaluation.statistics import CALIBRATION_BINS, Difference
from compression_ops.metric import WORDS, Metric
from compression_ops.onnx_model.layers.noise import LayerNoise
from compression_ops.report.explained import class_changes, layer_noise
from compression_ops.report.sections import Table

_CHANCE = 0.05


def sentences(comparison: Comparison, metric: Metric = "accuracy") -> list[str]:
    """What became of the accuracy, of the metric that models are judged by where that is another, and of samples."""
    change, places = comparison.change, quantities.accuracy_digits(comparison.samples)
    low, high = (quantities.points(end, places) for end in comparison.interval)
    told = [
        f"{_from_to(comparison, 'accuracy', places)} (95 % interval {low} to {high}; McNemar's exact "
        f"{quantities.p_equals(change.p_value)}{_chance(change.of('accuracy'))})."
    ]
    if metric != "accuracy":
        found = change.of(metric)
        ends = " to ".join(quantities.points(end, places) for end in (found.low, found.high))
        p_value = f"paired bootstrap, {quantities.p_equals(found.p_value)}{_chance(found)}"
        told.append(f"{_from_to(comparison, metric, places)} (95 % interval {ends}; {p_value}).")
    return [*told, _flipped(comparison)]


def _from_to(comparison: Comparison, metric: Metric, places: int) -> str:
    before, after = (quality.of(metric).value for quality in (comparison.first.quality, comparison.second.quality))
    points = quantities.points(comparison.change.of(metric).points, places)
    words = WORDS[metric][0].upper() + WORDS[metric][1:]
    return f"{words}: {quantities.percent(before, places)} → {quantities.percent(after, places)}, {points} points"


def _chance(found: Difference) -> str:
    return ", which chance alone may do" if found.points and found.p_value >= _CHANCE else ""


def _flipped(comparison: Comparison) -> str:
    flips, samples = comparison.flips, quantities.count(comparison.samples)
    if not flips:
        return f"Both say the same class of each of the {samples} test samples."
    effects = [flip.effect for flip in flips]
    told = {"lost": "lost", "gained": "gained", "neither": "wrong either way"}
    counts = ", ".join(f"{count} {words}" for effect, words in told.items() if (count := effects.count(effect)))
    return f"{quantities.count(len(flips))} of {samples} test samples flipped: {counts}."


def measures(comparison: Comparison, metric: Metric = "accuracy") -> Table:
    """One row a measure: of A, of B, and the change."""
    places = quantities.accuracy_digits(comparison.samples)
    first, second = comparison.first, comparison.second
    judged: list[Metric] = ["accuracy"] if metric == "accuracy" else ["accuracy", metric]
    rows = [(WORDS[each], first.quality.of(each).value, second.quality.of(each).value, "percent") for each in judged]
    errors = (first.quality.expected_calibration_error, second.quality.expected_calibration_error)
    rows.append(("calibration error", *errors, "percent"))
    rows.append(("NLL", first.negative_log_likelihood, second.negative_log_likelihood, "number"))
    rows.append(("parameters", first.cost.parameters, second.cost.parameters, "count"))
    rows.append(("weights", first.cost.weight_bytes, second.cost.weight_bytes, "size"))
    rows.append(("file", first.cost.file_bytes, second.cost.file_bytes, "size"))
    note = (
        f"Calibration error: expected, {CALIBRATION_BINS} bins (Guo et al. 2017). NLL: mean negative log-likelihood of "
        "the true class, in nats. Weights: as they are stored in the file, an ONNX model that takes raw samples."
    )
    return Table("Measures", ("", "A", "B", "change"), tuple(_measure(*row, places) for row in rows), note)


def _measure(name: str, before: float, after: float, unit: str, places: int) -> tuple[str, str, str, str]:
    if unit == "percent":
        values = [quantities.percent(value, places) for value in (before, after)]
        return name, values[0], values[1], f"{quantities.points(100 * (after - before), places)} points"
    if unit == "number":
        return name, f"{before:.4f}", f"{after:.4f}", quantities.points(after - before, 4)
    write = quantities.count if unit == "count" else quantities.size
    return name, write(before), write(after), quantities.ratio(after / before if before else None)


def flips(comparison: Comparison, shown: int) -> Table:
    """The first samples that the models tell apart."""
    rows = tuple(_flip(comparison, flip) for flip in comparison.flips[:shown])
    rest = len(comparison.flips) - len(rows)
    note = "Sample: its place in the test split. Lost: only A is right; gained: only B is."
    more = f" {quantities.count(rest)} more flipped." if rest else ""
    return Table("Flipped samples", ("sample", "effect", "is", "A says", "B says"), rows, note + more)


def _flip(comparison: Comparison, flip: Flip) -> tuple[str, ...]:
    classes = comparison.classes

    def said(answer: Answer) -> str:
        return f"{classes[answer.predicted]} {quantities.percent(answer.probability)}"

    return str(flip.sample), flip.effect, classes[flip.label], said(flip.first), said(flip.second)


def classes(comparison: Comparison, shown: int) -> Table:
    """The classes whose row of the confusion matrix is another, those that lost most first."""
    first, second = comparison.first.quality, comparison.second.quality
    changes = comparison.class_changes[:shown]
    rows = class_changes.rows(changes, comparison.classes, first.class_accuracy, second.class_accuracy)
    rest = len(comparison.class_changes) - len(rows)
    note = "Said instead: of the class's samples, how many more (+) or fewer (−) B says to be another class."
    more = f" {quantities.count(rest)} more classes changed." if rest else ""
    return Table("Classes", ("class", "A", "B", "points", "samples", "said instead"), rows, note + more)


def layers(noises: Sequence[LayerNoise], samples: int) -> Table:
    """Layer by layer, signal to quantization noise."""
    found = layer_noise.table("Layers", noises, samples, "test")
    return replace(found, heads=("layer", "SQNR", "adds", "stored"))
