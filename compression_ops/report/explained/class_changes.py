"""Which classes a compressed model lost against what it was made of, and what it says instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation.comparison import class_changes
from compression_ops.evaluation.comparison.class_changes import ClassChange
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

HEADS = ("Class", "Before", "After", "Points", "Samples", "Said instead")
_COMPRESSED = ("student", "quantized_student")  # a control is there to be compared with
_CONFUSIONS = 3  # of a class
_SHOWN = 20


@dataclass(frozen=True)
class Counted:
    """A model's counts on the test split.

    kind       the sort of asset that it is
    parent     what it was made of, or learned from; None for the teacher
    confusion  int64 [classes, classes], row = true class
    """

    name: str
    kind: str
    parent: str | None
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class _Lost:
    """What a model lost, those classes that lost most first."""

    model: Counted
    parent: Counted
    changes: tuple[ClassChange, ...]


def of_report(report: Report) -> list[Counted]:
    """Every model."""
    return [Counted(model.name, model.kind, model.parent, model.quality.confusion) for model in report.models]


def of_content(content: Mapping[str, Any]) -> list[Counted]:
    """The same, from `report.json`."""
    return [
        Counted(name, model["kind"], model["parent"], np.array(model["confusion_matrix"], np.int64))
        for name, model in content["models"].items()
    ]


def sentences(models: Sequence[Counted], classes: Sequence[str]) -> list[tuple[str, str]]:
    """(model, which classes lost accuracy against its parent) of each student and quantized student."""
    return [(lost.model.name, _sentence(lost, classes)) for lost in _losses(models)]


def tables(models: Sequence[Counted], classes: Sequence[str]) -> list[Table]:
    """One of each student and quantized student of which a class lost accuracy against its parent."""
    found: list[Table] = []
    for lost in _losses(models):
        if lost.changes:
            accuracies = [_accuracy(model.confusion) for model in (lost.parent, lost.model)]
            shown = rows(lost.changes[:_SHOWN], classes, *accuracies)
            rest = len(lost.changes) - len(shown)
            note = (
                f"Before: the share of the class that {lost.parent.name} has right; after: {lost.model.name}. Said "
                "instead: of the class's samples, how many more (+) or fewer (−) it says to be another class."
            )
            more = f" {quantities.count(rest)} more classes lost." if rest else ""
            found.append(Table(f"Classes on which {lost.model.name} lost", HEADS, shown, note + more))
    return found


def rows(
    changes: Iterable[ClassChange],
    classes: Sequence[str],
    before: Sequence[float | None],
    after: Sequence[float | None],
) -> tuple[tuple[str, ...], ...]:
    """Cells of HEADS, a class a row; before and after: by class, the share that is right."""
    found: list[tuple[str, ...]] = []
    for change in changes:
        named = [f"{classes[other]} {_signed(count)}" for other, count in change.confusions[:_CONFUSIONS]]
        more = [f"{len(change.confusions) - len(named)} more"] if len(change.confusions) > len(named) else []
        shares = [quantities.percent(accuracy[change.label]) for accuracy in (before, after)]
        points, samples = quantities.points(change.points), quantities.count(change.samples)
        found.append((classes[change.label], *shares, points, samples, ", ".join((*named, *more))))
    return tuple(found)


def _losses(models: Sequence[Counted]) -> list[_Lost]:
    known = {model.name: model for model in models}
    found: list[_Lost] = []
    for model in models:
        if model.parent is not None and model.kind in _COMPRESSED:
            parent = known[model.parent]
            changes = class_changes.between(parent.confusion, model.confusion)
            found.append(_Lost(model, parent, tuple(change for change in changes if change.points < 0)))
    return found


def _sentence(lost: _Lost, classes: Sequence[str]) -> str:
    parent = lost.parent.name
    if not lost.changes:
        return f"no class lost accuracy against {parent}."
    worst = lost.changes[0]
    samples = f"{quantities.points(worst.points)} points on {quantities.count(worst.samples)} samples"
    more = [f"{classes[other]} ({_signed(count)})" for other, count in worst.confusions if count > 0][:1]
    taken = f", taken for {more[0]}" if more else ""
    count = len(lost.changes)
    told = f"{quantities.count(count)} of {quantities.count(len(classes))} classes lost accuracy"
    return f"{told} against {parent}, most {classes[worst.label]}: {samples}{taken}."


def _accuracy(confusion: NDArray[np.int64]) -> list[float | None]:
    totals = confusion.sum(axis=1).tolist()
    return [right / total if total else None for right, total in zip(np.diag(confusion).tolist(), totals, strict=True)]


def _signed(number: int) -> str:
    return f"{'+' if number > 0 else '−'}{abs(number)}"
