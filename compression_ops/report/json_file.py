"""report.json: the quality and size of every model, the part of the report that identical runs repeat byte for byte."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compression_ops.evaluation.comparison.flipped import Flipped
from compression_ops.evaluation.measurements import Measured
from compression_ops.metric import CLASS_AVERAGED, columns
from compression_ops.report import files as report_files
from compression_ops.report.contents import Report, recommended


def write(report: Report, folder: Path) -> None:
    """Write `report.json`. Lists by class follow `classes`; rows of a confusion matrix are true classes."""
    content = {
        "test_samples": report.test_samples,
        "classes": list(report.classes),
        "metric": report.metric,
        "majority_class": {
            "name": report.classes[report.majority.index],
            "rate": report.majority.rate,
            "unbalanced": report.majority.unbalanced,
        },
        "limits": {
            "max_accuracy_drop_points": report.limits.max_accuracy_drop,
            "min_compression_ratio": report.limits.min_compression,
        },
        "recommended": recommended(report).name,
        "models": {model.name: _fields(report, model) for model in report.models},
        **({"flips": [_flips(each) for each in report.measurements.flips]} if report.measurements.flips else {}),
        **({"targets": [asdict(target) for target in report.targets]} if report.targets else {}),
    }
    (folder / report_files.CONTENT).write_text(
        json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _flips(flipped: Flipped) -> dict[str, Any]:
    """Without pictures; the first samples alone, as the page shows them."""
    counts = {name: getattr(flipped, name) for name in ("model", "parent", "lost", "gained", "neither")}
    return counts | {"shown": [asdict(one.flip) | {"effect": one.flip.effect} for one in flipped.shown]}


def _fields(report: Report, model: Measured) -> dict[str, Any]:
    verdict = report.verdicts.get(model.name)
    return {
        "kind": model.kind,
        "parent": model.parent,
        "test_accuracy": asdict(model.quality.accuracy),
        "expected_calibration_error": model.quality.expected_calibration_error,
        **{columns(metric).value: asdict(model.quality.of(metric)) for metric in CLASS_AVERAGED},
        "roc_auc": model.quality.roc_auc,
        "hardly_better": report.hardly_better.get(model.name),
        "class_accuracy": list(model.quality.class_accuracy),
        "class_precision": list(model.quality.class_precision),
        "class_f1": list(model.quality.class_f1),
        "confusion_matrix": model.quality.confusion.tolist(),
        "change": None if model.change is None else asdict(model.change),
        "over_seeds": None if model.over_seeds is None else asdict(model.over_seeds),
        "calibration": None if model.calibration is None else asdict(model.calibration),
        "layer_noise": None if model.noise is None else model.noise.fields(),
        "chosen_widths": None if model.widths is None else model.widths.fields(),
        "chosen_kernels": None if (kernels := report.kernels.get(model.name)) is None else kernels.fields(),
        "teacher_agreement": model.teacher_agreement,
        "distillation": None if model.distillation is None else asdict(model.distillation),
        **asdict(model.cost),
        "compression_ratio": model.compression_ratio,
        "verdict": None if verdict is None else asdict(verdict),
    }
