"""The report's tables and sentences as text, which Markdown and the page both show."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from compression_ops import quantities
from compression_ops.evaluation.measurements import Measured, worst_class
from compression_ops.evaluation.statistics import CALIBRATION_BINS
from compression_ops.evaluation.targets.agreement import Agreement
from compression_ops.metric import WORDS
from compression_ops.report.contents import Report, recommended
from compression_ops.report.verdict import distillation_words

_SHOWN_CLASSES = 20
TARGET_HEADS = ("Target", "Made of", "Type", "Bytes", "Differing samples", "Oldest runtime")
TARGETS_NOTE = (
    "Bytes: of the files that whoever uses the target needs. Differing samples: of the test split, those to which it "
    "gives another class than the ONNX session of the quantized student. Oldest runtime: that was seen to take it."
)


@dataclass(frozen=True)
class Table:
    """A title, column heads, rows of cells whose first names what the row is about, and how to read it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def choice(report: Report) -> str:
    """In a few words, why `report.recommended` is the model to look at first."""
    model = recommended(report)
    verdict = report.verdicts.get(model.name)
    if verdict is None:
        return "Most accurate" if report.metric == "accuracy" else f"Highest {WORDS[report.metric]}"
    if verdict.passed:
        return "Smallest within the limits"
    best = "the most accurate" if report.metric == "accuracy" else f"the highest {WORDS[report.metric]}"
    return f"None is within the limits; {best}"


def headline(report: Report) -> str:
    """One sentence on that model: how good, small and fast it is."""
    model = recommended(report)
    score = quantities.percent(report.score(model), report.digits)
    good = "of the test split right" if report.metric == "accuracy" else f"{WORDS[report.metric]} on the test split"
    text = f"{score} {good} in {quantities.size(model.cost.file_bytes)}"
    if model.change is None:
        return f"{text}."
    smaller, faster = quantities.smaller(model.compression_ratio), quantities.faster(report.speedup(model))
    points = quantities.points(model.change.of(report.metric).points, report.digits)
    change = f"{points} points against {model.parent}"
    return f"{text}, {smaller} and {faster} than {model.teacher}; {change}."


def verdicts(report: Report) -> list[tuple[str, str, str]]:
    """(model, `pass` or `fail`, sentence) of each quantized student."""
    return [(name, "pass" if verdict.passed else "fail", verdict.words) for name, verdict in report.verdicts.items()]


def distillation(report: Report) -> list[tuple[str, str]]:
    """(model, sentence) of each student that has a control."""
    return [
        (model.name, distillation_words(model.name, model.distillation, report.digits, report.metric))
        for model in report.models
        if model.distillation is not None
    ]


def warnings(report: Report) -> list[tuple[str, str]]:
    """(model, sentence) of each model that may be no better than looking at no sample."""
    return list(report.hardly_better.items())


def summary(report: Report) -> Table:
    """The short table."""
    batch_size, digits, metric = report.conditions.sizes[0], report.digits, report.metric
    is_accuracy = metric == "accuracy"

    def row(model: Measured) -> tuple[str, ...]:
        change = None if model.change is None else model.change.of(metric)
        verdict = report.verdicts.get(model.name)
        return (
            *(() if is_accuracy else (quantities.percent(report.score(model), digits),)),
            quantities.percent(model.quality.accuracy.value, digits),
            quantities.points(change.points if change else None, digits),
            quantities.p_value(change.p_value if change else None),
            quantities.size(model.cost.file_bytes),
            quantities.ratio(model.compression_ratio),
            quantities.duration(report.latency[model.name, batch_size].p50_us),
            quantities.ratio(report.speedup(model)),
            quantities.MISSING if verdict is None else "pass" if verdict.passed else "fail",
        )

    latency = f"Latency (batch {batch_size})"
    name = WORDS[metric]
    heads = ("Test accuracy", "Change", "p", "File", "Smaller", latency, "Faster", "Verdict")
    test = "McNemar's exact test" if is_accuracy else "a bootstrap"
    note = (
        f"Change: {name} against the model's parent, in percentage points; p: {test} of that change, "
        "paired on the same test samples. Smaller and faster: than the teacher, by file size and by median latency."
    )
    first = () if is_accuracy else (f"{name[0].upper()}{name[1:]}",)
    return by_model(report, "Models", (*first, *heads), row, note)


def quality(report: Report) -> Table:
    """Accuracy with its uncertainty, and how it compares."""
    digits = report.digits

    def row(model: Measured) -> tuple[str, ...]:
        accuracy, change = model.quality.accuracy, model.change
        low, high = 100 * accuracy.low, 100 * accuracy.high
        worst = worst_class(change.class_points) if change else None
        lost = change.class_points[worst] if change and worst is not None else None
        return (
            f"{low:.{digits}f} to {high:.{digits}f} %",
            model.parent or quantities.MISSING,
            f"{change.only_model_right} / {change.only_reference_right}" if change else quantities.MISSING,
            quantities.p_value(change.p_value if change else None),
            quantities.percent(model.teacher_agreement, digits),
            quantities.percent(model.quality.expected_calibration_error, digits),
            quantities.MISSING if worst is None else f"{report.classes[worst]} ({quantities.points(lost)})",
        )

    heads = ("95 % interval", "Parent", "Right alone", "p", "Agreement", "ECE", "Worst class")
    note = (
        "Interval: of the test accuracy, by Wilson. Right alone: test samples that only the model / only its parent "
        "gets right; p rests on them. Agreement: how often it predicts the teacher's class. ECE: expected calibration "
        f"error, {CALIBRATION_BINS} bins (Guo et al. 2017). Worst class: the one that lost most against the parent, "
        "in points."
    )
    return by_model(report, "Quality", heads, row, note)


def cost(report: Report) -> Table:
    """What storing and running a model takes."""

    def row(model: Measured) -> tuple[str, ...]:
        return (
            quantities.count(model.cost.parameters),
            quantities.size(model.cost.file_bytes),
            quantities.size(model.cost.weight_bytes),
            quantities.ratio(model.compression_ratio),
            quantities.magnitude(model.cost.macs),
            quantities.size(report.peak_memory[model.name]),
        )

    heads = ("Parameters", "File", "Weights", "Smaller", "MACs", "Peak memory")
    note = (
        "File: the ONNX model; weights: its parameters as stored. MACs: multiply-accumulates of one sample. "
        "Peak memory: resident memory that opening the session and predicting one batch of "
        f"{max(report.conditions.sizes)} adds to a fresh process, onnxruntime's own buffers included."
    )
    return by_model(report, "Cost", heads, row, note)


def latency(report: Report) -> Table:
    """Percentiles at each batch size."""
    heads = ("Batch", "p50", "p95", "p99", "Mean", "p50 a sample", "Faster")
    rows: list[tuple[str, ...]] = []
    for batch_size in report.conditions.sizes:
        for model in report.models:
            latency, teacher = report.latency[model.name, batch_size], report.latency[model.teacher, batch_size]
            times = (latency.p50_us, latency.p95_us, latency.p99_us, latency.mean_us, latency.p50_us / batch_size)
            ratio = quantities.ratio(teacher.p50_us / latency.p50_us)
            rows.append((model.name, str(batch_size), *map(quantities.duration, times), ratio))
    note = "Wall time of one call with a whole batch. Faster: than the teacher, by the medians at that batch size."
    return Table("Latency", ("Model", *heads), tuple(rows), note)


def targets(report: Report) -> Table | None:
    """What each target takes and whether it answers as its model does; None where there is none."""
    if not report.targets:
        return None
    batch_size = report.conditions.sizes[0]

    def latency(target: Agreement) -> str:
        measured = report.latency.get((target.name, batch_size))
        return quantities.MISSING if measured is None else quantities.duration(measured.p50_us)

    rows = tuple((*target_cells(asdict(target)), latency(target)) for target in report.targets)
    return Table("Targets", (*TARGET_HEADS, f"Latency (batch {batch_size})"), rows, TARGETS_NOTE)


def target_cells(target: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of TARGET_HEADS, from the fields of an Agreement."""
    return (
        target["name"],
        target["model"],
        target["type"],
        quantities.count(target["file_bytes"]),
        quantities.count(target["differing_samples"]),
        target["oldest_runtime"] or quantities.MISSING,
    )


def classes(report: Report) -> Table:
    """Accuracy of each class and its change; of many classes, those that changed most."""
    shown = shown_classes(report)
    heads = ("Class", *(model.name for model in report.models))
    rows = tuple((report.classes[index], *(_class_cell(model, index) for model in report.models)) for index in shown)
    part = "" if len(shown) == len(report.classes) else f"The {len(shown)} of {len(report.classes)} that changed most. "
    note = (
        f"{part}Of each true class, the share predicted right; in parentheses the change against the parent, in points."
    )
    return Table("Accuracy by class", heads, rows, note)


def shown_classes(report: Report) -> list[int]:
    """Indices, ascending, of all classes, or of those with the largest change in any model where there are many."""
    everyone = range(len(report.classes))
    if len(report.classes) <= _SHOWN_CLASSES:
        return list(everyone)
    changes = [model.change.class_points for model in report.models if model.change is not None]
    largest = [max((abs(points[index] or 0) for points in changes), default=0) for index in everyone]
    return sorted(sorted(everyone, key=lambda index: (-largest[index], index))[:_SHOWN_CLASSES])


def conditions(report: Report) -> list[tuple[str, str]]:
    """(what, value) of how it was measured."""
    measured, timings, limits = report.conditions, report.measurements.timings, report.limits
    processor, majority = timings.processor, report.majority
    instructions = ", ".join(processor.extensions) or "unknown"
    return [
        ("Processor", f"{processor.name}, {processor.logical_cores} logical cores"),
        ("Vector instructions", instructions),
        ("Runtime", f"onnxruntime {timings.onnxruntime}, CPU, all graph optimizations"),
        ("Threads a session", str(measured.threads)),
        ("Batch sizes", ", ".join(map(str, measured.sizes))),
        (
            "Timed calls",
            f"{quantities.count(measured.iterations)} a model and batch size, after {measured.warmup} of warm-up; "
            "models take turns, in a new order each round; Python's garbage collector off",
        ),
        ("Test samples", quantities.count(report.test_samples)),
        (
            "Largest class",
            f"{report.classes[majority.index]}, {quantities.percent(majority.rate, report.digits)} of them",
        ),
        (
            "Limits",
            f"{limits.max_accuracy_drop:g} points of {WORDS[report.metric]} lost at most, "
            f"{limits.min_compression:g}× smaller",
        ),
    ]


def by_model(
    report: Report, title: str, heads: tuple[str, ...], row: Callable[[Measured], tuple[str, ...]], note: str
) -> Table:
    """A table of one row a model."""
    rows = tuple((model.name, *row(model)) for model in report.models)
    return Table(title, ("Model", *heads), rows, note)


def _class_cell(model: Measured, index: int) -> str:
    accuracy = quantities.percent(model.quality.class_accuracy[index])
    if model.change is None or not model.change.class_points[index]:
        return accuracy
    return f"{accuracy} ({quantities.points(model.change.class_points[index])})"
