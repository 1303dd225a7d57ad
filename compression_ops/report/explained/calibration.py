"""Whether the probabilities of each model can be trusted, and what compression did to that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compression_ops import quantities
from compression_ops.evaluation.models.calibration import Calibration
from compression_ops.evaluation.statistics import CALIBRATION_BINS
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

HEADS = ("Model", "ECE", "Change", "Confidence", "Accuracy", "Too sure by", "NLL", "NLL's change")
NOTE = (
    f"ECE: expected calibration error, {CALIBRATION_BINS} bins (Guo et al. 2017). Confidence: the mean probability of "
    "the class that the model says; too sure by: that less its accuracy, in points, below zero of one that is too "
    "modest. NLL: mean negative log-likelihood of the true class, in nats. Changes are against the parent."
)


@dataclass(frozen=True)
class Trusted:
    """A model: its parent, None for the teacher; accuracy and expected calibration error in [0, 1]."""

    name: str
    parent: str | None
    accuracy: float
    error: float
    calibration: Calibration


def of_report(report: Report) -> list[Trusted]:
    """Every model."""
    return [
        Trusted(
            model.name,
            model.parent,
            model.quality.accuracy.value,
            model.quality.expected_calibration_error,
            model.calibration,
        )
        for model in report.models
        if model.calibration is not None
    ]


def of_content(content: Mapping[str, Any]) -> list[Trusted]:
    """The same, from `report.json`; reports of earlier versions tell nothing of it."""
    return [
        Trusted(
            name,
            model["parent"],
            model["test_accuracy"]["value"],
            model["expected_calibration_error"],
            Calibration.from_fields(model["calibration"]),
        )
        for name, model in content["models"].items()
        if model.get("calibration")
    ]


def table(models: Sequence[Trusted], digits: int) -> Table | None:
    """A row a model, percentages with so many decimals; None where nobody knows."""
    if not models:
        return None
    known = {model.name: model for model in models}

    def row(model: Trusted) -> tuple[str, ...]:
        own = model.calibration
        parent = None if model.parent is None else known.get(model.parent)
        changed = None if parent is None else 100 * (model.error - parent.error)
        further = None if parent is None else own.negative_log_likelihood - parent.calibration.negative_log_likelihood
        return (
            model.name,
            quantities.percent(model.error, digits),
            quantities.points(changed, digits),
            quantities.percent(own.mean_confidence, digits),
            quantities.percent(model.accuracy, digits),
            quantities.points(100 * (own.mean_confidence - model.accuracy), digits),
            f"{own.negative_log_likelihood:.4f}",
            quantities.points(further, 4),
        )

    return Table("Calibration", HEADS, tuple(row(model) for model in models), NOTE)
