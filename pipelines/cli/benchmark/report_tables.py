"""The benchmark report's tables for a terminal, from its frame: `compression_ops.report.table` tells the columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compression_ops import quantities
from compression_ops.metric import CLASS_AVERAGED, WORDS, Metric
from compression_ops.metric import columns as columns_of
from pipelines.cli.terminal.layout import Column

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
Cell = Callable[[Row], str]

_MEDIAN = "latency_p50_us_batch"
_SHOWN_CLASSES = 20
_SHOWN_PAIRS = 10


@dataclass(frozen=True)
class Section:
    """A title, a table, and how to read it."""

    title: str
    names: Column
    columns: tuple[Column, ...]
    note: str


def rows(frame: "pd.DataFrame") -> list[Row]:
    """One mapping a model, missing values as None."""
    records = frame.astype("object").where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def metric_of(content: Mapping[str, Any]) -> Metric:
    """What `report.json` says that models were judged by; reports of earlier versions knew accuracy alone."""
    return content.get("metric", "accuracy")


def tells_classes_apart(content: Mapping[str, Any]) -> bool:
    """Whether a reader needs more than accuracy: classes are unbalanced, or another metric judges."""
    return metric_of(content) != "accuracy" or content.get("majority_class", {}).get("unbalanced", False)


def batch_sizes(models: Sequence[Row]) -> list[int]:
    """Those that were measured, in order."""
    return [int(name.removeprefix(_MEDIAN)) for name in models[0] if name.startswith(_MEDIAN)]


def digits(models: Sequence[Row]) -> int:
    """Decimals that a percentage over this test set deserves."""
    return quantities.accuracy_digits(int(models[0]["test_samples"]))


def summary(models: Sequence[Row], metric: Metric = "accuracy") -> Section:
    """The short table, what matters most on the left."""
    places, batch_size, column = digits(models), batch_sizes(models)[0], columns_of(metric)
    accuracy = _column(models, "Test accuracy", lambda row: quantities.percent(row["test_accuracy"], places))
    judged = _column(models, _head(metric), lambda row: quantities.percent(row[column.value], places))
    columns = (
        accuracy if metric == "accuracy" else judged,
        _column(models, "File", lambda row: quantities.size(row["file_bytes"])),
        _column(models, "Smaller", lambda row: quantities.ratio(row["compression_ratio"]), joined=True),
        _column(models, f"Latency batch {batch_size}", lambda row: quantities.duration(row[f"{_MEDIAN}{batch_size}"])),
        _column(models, "Faster", lambda row: quantities.ratio(row["speedup_ratio"])),
        _column(models, "Verdict", _verdict),
        _column(models, "Change", lambda row: quantities.points(row[column.change], places)),
        _column(models, "p", lambda row: quantities.p_value(row[column.p_value]), joined=True),
        *(() if metric == "accuracy" else (accuracy,)),
        _column(models, "Parameters", lambda row: quantities.count(row["parameters"])),
    )
    test = "McNemar's exact test" if metric == "accuracy" else "a paired bootstrap"
    note = (
        f"Change: {WORDS[metric]} against the model's parent, in percentage points; p: {test} of that change. Parent: "
        "of a student what taught it, of a control its student, of a quantized student what it is made of. "
        "Smaller and faster: than the teacher, by file size and by median latency."
    )
    return Section("Models", _names(models), columns, note)


def quality(models: Sequence[Row]) -> Section:
    """Accuracy with its uncertainty, and how it compares."""
    places = digits(models)

    def interval(row: Row) -> str:
        return f"{100 * row['test_accuracy_low']:.{places}f} to {100 * row['test_accuracy_high']:.{places}f} %"

    def alone(row: Row) -> str:
        if row["parent"] is None:
            return quantities.MISSING
        return f"{row['only_model_right_samples']:.0f} / {row['only_parent_right_samples']:.0f}"

    def worst(row: Row) -> str:
        lost = quantities.points(row["worst_class_change_points"])
        return quantities.MISSING if row["worst_class"] is None else f"{row['worst_class']} ({lost})"

    columns = (
        _column(models, "95 % interval", interval),
        _column(models, "Right alone", alone),
        _column(models, "p", lambda row: quantities.p_value(row["mcnemar_p_value"]), joined=True),
        _column(models, "Agreement", lambda row: quantities.percent(row["teacher_agreement"], places)),
        _column(models, "ECE", lambda row: quantities.percent(row["expected_calibration_error"], places)),
        _column(models, "Worst class", worst),
        _column(models, "Parent", lambda row: row["parent"] or quantities.MISSING),
    )
    note = (
        "Interval: of the test accuracy, by Wilson. Right alone: test samples that only the model / only its parent "
        "gets right; p rests on them. Agreement: how often it predicts the teacher's class. ECE: expected calibration "
        "error (Guo et al. 2017). Worst class: the one that lost most against the parent, in points."
    )
    return Section("Quality", _names(models), columns, note)


def averages(models: Sequence[Row]) -> Section:
    """The metrics that count every class the same, with their uncertainty; of two classes also the ROC curve's area."""
    places = digits(models)

    def averaged(metric: Metric) -> Column:
        column = columns_of(metric)

        def cell(row: Row) -> str:
            low, high = (100 * row[f"{column.value}_{end}"] for end in ("low", "high"))
            return f"{quantities.percent(row[column.value], places)} ({low:.{places}f} to {high:.{places}f})"

        return _column(models, _head(metric), cell)

    columns = [averaged(metric) for metric in CLASS_AVERAGED]
    if models[0]["roc_auc"] is not None:
        columns.append(_column(models, "ROC-AUC", lambda row: quantities.percent(row["roc_auc"], places)))
    note = (
        "Balanced accuracy: the mean recall of the classes; macro F1: their mean F1; in parentheses the 95 % interval, "
        "by bootstrap."
    )
    return Section("Every class counted the same", _names(models), tuple(columns), note)


def cost(models: Sequence[Row]) -> Section:
    """What storing and running a model takes."""
    columns = (
        _column(models, "Parameters", lambda row: quantities.count(row["parameters"])),
        _column(models, "File", lambda row: quantities.size(row["file_bytes"])),
        _column(models, "Weights", lambda row: quantities.size(row["weight_bytes"])),
        _column(models, "Smaller", lambda row: quantities.ratio(row["compression_ratio"])),
        _column(models, "MACs", lambda row: quantities.magnitude(row["macs"])),
        _column(models, "Peak memory", lambda row: quantities.size(row["peak_memory_bytes"])),
    )
    note = (
        "File: the ONNX model; weights: its parameters as stored. MACs: multiply-accumulates of one sample. Peak "
        f"memory: what opening the session and predicting one batch of {max(batch_sizes(models))} adds to a process."
    )
    return Section("Cost", _names(models), columns, note)


def latency(models: Sequence[Row], batch_size: int) -> Section:
    """Percentiles at one batch size."""
    median = {row["model"]: row[f"{_MEDIAN}{batch_size}"] for row in models}
    teacher = _teachers(models)

    def time(name: str) -> Cell:
        return lambda row: quantities.duration(row[f"latency_{name}_us_batch{batch_size}"])

    def faster(row: Row) -> str:
        return quantities.ratio(median[teacher[row["model"]]] / median[row["model"]])

    columns = (
        *(_column(models, name, time(name.lower())) for name in ("p50", "p95", "p99", "Mean")),
        _column(models, "p50 a sample", lambda row: quantities.duration(median[row["model"]] / batch_size)),
        _column(models, "Faster", faster),
    )
    note = "Wall time of one call with a whole batch. Faster: than the teacher, by the medians at that batch size."
    return Section(f"Latency, batch {batch_size}", _names(models), columns, note)


def classes(content: Mapping[str, Any]) -> Section:
    """Accuracy of each class and its change, from `report.json`; of many classes, those that changed most."""
    labels, models = content["classes"], content["models"]
    shown = _changed_most(
        [model["change"]["class_points"] for model in models.values() if model["change"]], len(labels)
    )

    def cell(model: Mapping[str, Any], index: int) -> str:
        accuracy = quantities.percent(model["class_accuracy"][index])
        change = model["change"]["class_points"][index] if model["change"] else None
        return f"{accuracy} ({quantities.points(change)})" if change else accuracy

    columns = tuple(Column(name, [cell(model, index) for index in shown]) for name, model in models.items())
    part = "" if len(shown) == len(labels) else f"The {len(shown)} of {len(labels)} that changed most. "
    note = (
        f"{part}Of each true class, the share predicted right; in parentheses the change against the parent, in points."
    )
    return Section("Accuracy by class", Column("Class", [labels[index] for index in shown], False), columns, note)


def scores(content: Mapping[str, Any]) -> Section:
    """Of the recommended model precision, recall and F1 of each class; of many classes, the rarest."""
    name, labels = content["recommended"], content["classes"]
    model = content["models"][name]
    samples = [sum(counts) for counts in model["confusion_matrix"]]
    shown = sorted(sorted(range(len(labels)), key=lambda index: (samples[index], index))[:_SHOWN_CLASSES])

    def column(head: str, key: str) -> Column:
        return Column(head, [quantities.percent(model[key][index]) for index in shown])

    columns = (
        Column("Test samples", [quantities.count(samples[index]) for index in shown]),
        column("Precision", "class_precision"),
        column("Recall", "class_accuracy"),
        column("F1", "class_f1"),
    )
    part = "" if len(shown) == len(labels) else f"The {len(shown)} rarest of {len(labels)} classes. "
    note = (
        f"{part}Precision: of what is predicted as the class, the share that is; recall: of the class, the share found."
    )
    return Section(f"By class, {name}", Column("Class", [labels[index] for index in shown], False), columns, note)


def confusion(content: Mapping[str, Any]) -> Section:
    """Of the recommended model which classes it takes for which, the most frequent first."""
    name, labels = content["recommended"], content["classes"]
    matrix = content["models"][name]["confusion_matrix"]
    errors = [
        (-count, true, predicted)
        for true, counts in enumerate(matrix)
        for predicted, count in enumerate(counts)
        if count and true != predicted
    ]
    shown = sorted(errors)[:_SHOWN_PAIRS]
    columns = (
        Column("Predicted class", [labels[predicted] for _, _, predicted in shown], right=False),
        Column("Test samples", [quantities.count(-count) for count, _, _ in shown]),
        Column("Of the class", [quantities.percent(-count / sum(matrix[true])) for count, true, _ in shown]),
    )
    note = f"{len(shown)} of {len(errors)} confusions; the page and report.json hold the matrix."
    names = Column("True class", [labels[true] for _, true, _ in shown], right=False)
    return Section(f"Most confused, {name}", names, columns, note)


def _head(metric: Metric) -> str:
    return WORDS[metric][0].upper() + WORDS[metric][1:]


def _changed_most(changes: Sequence[Sequence[float | None]], count: int) -> list[int]:
    """Indices, ascending, of all classes, or of those with the largest change in any model where there are many."""
    largest = [max((abs(points[index] or 0) for points in changes), default=0) for index in range(count)]
    return sorted(sorted(range(count), key=lambda index: (-largest[index], index))[:_SHOWN_CLASSES])


def _names(models: Sequence[Row]) -> Column:
    return Column("Model", [row["model"] for row in models], right=False)


def _column(models: Sequence[Row], head: str, cell: Cell, joined: bool = False) -> Column:
    return Column(head, [cell(row) for row in models], joined=joined)


def _verdict(row: Row) -> str:
    return quantities.MISSING if row["passed"] is None else "pass" if row["passed"] else "fail"


def _teachers(models: Sequence[Row]) -> dict[str, str]:
    """{model: the model without a parent that it descends from}."""
    parents = {row["model"]: row["parent"] for row in models}

    def first(name: str) -> str:
        return name if parents[name] is None else first(parents[name])

    return {name: first(name) for name in parents}
