"""The report's tables of single classes, and of the metrics that count each class the same."""

import numpy as np

from compression_ops import quantities
from compression_ops.evaluation.bootstrap import REPLICATES
from compression_ops.evaluation.measurements import Measured
from compression_ops.metric import CLASS_AVERAGED, WORDS, Metric
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table, by_model, shown_classes

# Beyond, a matrix is no longer read: the pairs that are confused most stand in its place.
LARGEST_MATRIX = 20
SHOWN_PAIRS = 20


def averages(report: Report) -> Table:
    """Balanced accuracy and macro F1 with their uncertainty, and the area under the ROC curve of two classes."""
    is_binary = len(report.classes) == 2

    def row(model: Measured) -> tuple[str, ...]:
        cells = [cell for metric in CLASS_AVERAGED for cell in _averaged(report, model, metric)]
        return (*cells, quantities.percent(model.quality.roc_auc, report.digits)) if is_binary else tuple(cells)

    heads = [head for metric in CLASS_AVERAGED for head in (_head(metric), "95 % interval", "Change", "p")]
    note = (
        "Balanced accuracy: the mean recall of the classes; macro F1: their mean F1. Change: against the parent, in "
        f"percentage points. Intervals and p: paired bootstrap over the test samples, {REPLICATES:,} replicates, "
        "seeded (Efron & Tibshirani 1993)."
    )
    roc = f" ROC-AUC: with {report.classes[1]!r} as the positive class." if is_binary else ""
    last = ("ROC-AUC",) if is_binary else ()
    return by_model(report, "Every class counted the same", (*heads, *last), row, note + roc)


def by_class(report: Report) -> Table:
    """Precision, recall and F1 of each class; of many classes, those whose accuracy changed most."""
    shown = shown_classes(report)
    heads = ("Class", "Test samples", *(model.name for model in report.models))
    samples = report.class_samples
    rows = tuple(
        (report.classes[index], quantities.count(samples[index]), *(_scores(model, index) for model in report.models))
        for index in shown
    )
    part = "" if len(shown) == len(report.classes) else f"The {len(shown)} of {len(report.classes)} that changed most. "
    note = f"{part}Precision / recall / F1 in percent. Precision: of what is predicted as the class, the share that is."
    return Table("Precision, recall and F1 by class", heads, rows, note)


def confusions(report: Report) -> tuple[Table, ...]:
    """The confusion matrix of each model; of many classes, one table of the pairs that are confused most."""
    if len(report.classes) > LARGEST_MATRIX:
        return (_pairs(report),)
    return tuple(_matrix(report, model) for model in report.models)


def most_confused(report: Report) -> list[tuple[int, int]]:
    """(true class, predicted class) of the SHOWN_PAIRS confusions that are most frequent in any model."""
    errors = np.max([model.quality.confusion for model in report.models], axis=0)
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:SHOWN_PAIRS]
    pairs = [
        (int(true), int(predicted)) for true, predicted in zip(*np.unravel_index(order, errors.shape), strict=True)
    ]
    return [pair for pair in pairs if errors[pair]]


def _averaged(report: Report, model: Measured, metric: Metric) -> tuple[str, ...]:
    found, digits = model.quality.of(metric), report.digits
    change = None if model.change is None else model.change.of(metric)
    return (
        quantities.percent(found.value, digits),
        f"{100 * found.low:.{digits}f} to {100 * found.high:.{digits}f} %",
        quantities.points(change.points if change else None, digits),
        quantities.p_value(change.p_value if change else None),
    )


def _head(metric: Metric) -> str:
    return WORDS[metric][0].upper() + WORDS[metric][1:]


def _scores(model: Measured, index: int) -> str:
    quality = model.quality
    values = (quality.class_precision[index], quality.class_accuracy[index], quality.class_f1[index])
    return " / ".join(quantities.MISSING if value is None else f"{100 * value:.1f}" for value in values)


def _matrix(report: Report, model: Measured) -> Table:
    rows = tuple(
        (name, *map(quantities.count, counts))
        for name, counts in zip(report.classes, model.quality.confusion.tolist(), strict=True)
    )
    note = "Test samples: rows are true classes, columns what is predicted."
    return Table(f"Confusion matrix of {model.name}", ("True class", *report.classes), rows, note)


def _pairs(report: Report) -> Table:
    pairs = most_confused(report)
    rows = tuple(
        (
            report.classes[true],
            report.classes[predicted],
            *(quantities.count(int(model.quality.confusion[true, predicted])) for model in report.models),
        )
        for true, predicted in pairs
    )
    heads = ("True class", "Predicted class", *(model.name for model in report.models))
    note = (
        f"Test samples; the {len(rows)} pairs of classes that any model confuses most. report.json holds every matrix."
    )
    return Table("Most confused classes", heads, rows, note)
