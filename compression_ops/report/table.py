"""The report as a pandas frame, one row a model: what `report.parquet` holds and what the headline metrics are."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from compression_ops.report import files as report_files
from compression_ops.report.contents import ModelReport, Report

# The columns of every report, in order.
COLUMNS = {
    "model": "asset name, as `student/small`",
    "kind": "teacher, student, control or quantized_student",
    "parent": "the model that it is compared with; missing for the teacher",
    "test_samples": "size of the test split",
    "test_accuracy": "fraction of the test split predicted right, 0 to 1",
    "test_accuracy_low": "lower end of its 95 % Wilson interval",
    "test_accuracy_high": "upper end of its 95 % Wilson interval",
    "accuracy_change_points": "accuracy less the parent's, percentage points",
    "only_model_right_samples": "test samples that it predicts right and its parent wrong",
    "only_parent_right_samples": "test samples that it predicts wrong and its parent right",
    "mcnemar_p_value": "McNemar's exact test, two-sided, against the parent",
    "teacher_agreement": "fraction of the test split on which it predicts the teacher's class",
    "expected_calibration_error": "Guo et al. 2017, 15 bins, 0 to 1",
    "worst_class": "class that lost most accuracy against the parent",
    "worst_class_change_points": "accuracy of that class less the parent's, percentage points",
    "distillation_gain_points": "of a student with a control: accuracy less the control's, percentage points",
    "distillation_p_value": "McNemar's exact test, two-sided, of the student against its control",
    "parameters": "learned values",
    "file_bytes": "size of the ONNX file",
    "weight_bytes": "size of the parameters in that file",
    "macs": "multiply-accumulates of one sample",
    "compression_ratio": "the teacher's file_bytes / file_bytes",
    "passed": "of a quantized student: whether it keeps to max_accuracy_drop and min_compression",
    "peak_memory_bytes": "resident memory added by opening the session and predicting one batch of the largest size",
    "speedup_ratio": "the teacher's median latency / its own, at the first batch size",
}
# Then, for each batch size N, in this order: `latency_p50_us_batch<N>` and so on, microseconds a call.
LATENCY_COLUMNS = {
    "latency_p50_us": "median of all timed calls",
    "latency_p95_us": "95th percentile",
    "latency_p99_us": "99th percentile",
    "latency_mean_us": "arithmetic mean",
}
_TEXT = ("model", "kind", "parent", "worst_class")
_WHOLE = ("test_samples", "parameters", "file_bytes", "weight_bytes", "macs")
# Plain None and NaN for what is missing: pandas' NA answers no comparison and is no JSON.
_DTYPES = {**dict.fromkeys((*_TEXT, "passed"), "object"), **dict.fromkeys(_WHOLE, "int64")}


def frame(report: Report) -> pd.DataFrame:
    """One row a model: COLUMNS, then LATENCY_COLUMNS for each batch size. Missing: None or NaN."""
    table = pd.DataFrame([_row(report, model) for model in report.models])
    return table.astype({column: _DTYPES.get(column, "float64") for column in table.columns})


def write(report: Report, folder: Path) -> None:
    """Write `report.parquet`."""
    frame(report).to_parquet(folder / report_files.FRAME, index=False)


def metrics(table: pd.DataFrame, first: str) -> dict[str, float]:
    """Every finite number of a frame as `<model>.<column>`; the test accuracy of the model `first` comes first."""
    numbers = table.drop(columns=["test_samples", *_TEXT]).astype("float64")
    flat = {
        f"{name}.{column}": float(value)
        for name, (_, row) in zip(table["model"], numbers.iterrows(), strict=True)
        for column, value in row.items()
        if math.isfinite(value)
    }
    headline = f"{first}.test_accuracy"
    return {headline: flat[headline], **flat}


def _row(report: Report, model: ModelReport) -> dict[str, Any]:
    change, distillation, accuracy = model.change, model.distillation, model.quality.accuracy
    worst = None if change is None else worst_class(change.class_points)
    values: dict[str, Any] = {
        "model": model.name,
        "kind": model.kind,
        "parent": model.parent,
        "test_samples": report.test_samples,
        "test_accuracy": accuracy.value,
        "test_accuracy_low": accuracy.low,
        "test_accuracy_high": accuracy.high,
        "accuracy_change_points": None if change is None else change.points,
        "only_model_right_samples": None if change is None else change.only_model_right,
        "only_parent_right_samples": None if change is None else change.only_reference_right,
        "mcnemar_p_value": None if change is None else change.p_value,
        "teacher_agreement": model.teacher_agreement,
        "expected_calibration_error": model.quality.expected_calibration_error,
        "worst_class": None if worst is None else report.classes[worst],
        "worst_class_change_points": None if change is None or worst is None else change.class_points[worst],
        "distillation_gain_points": None if distillation is None else distillation.points,
        "distillation_p_value": None if distillation is None else distillation.p_value,
        "parameters": model.cost.parameters,
        "file_bytes": model.cost.file_bytes,
        "weight_bytes": model.cost.weight_bytes,
        "macs": model.cost.macs,
        "compression_ratio": model.compression_ratio,
        "passed": None if model.verdict is None else model.verdict.passed,
        "peak_memory_bytes": report.peak_memory[model.name],
        "speedup_ratio": report.speedup(model),
    }
    for batch_size in report.conditions.batch_sizes:
        latency = report.latency[model.name, batch_size]
        for column in LATENCY_COLUMNS:
            values[f"{column}_batch{batch_size}"] = getattr(latency, column.removeprefix("latency_"))
    return values


def worst_class(class_points: tuple[float | None, ...]) -> int | None:
    """Index of the class that lost most, the first of equals; None where no class lost any."""
    lost = [(value, index) for index, value in enumerate(class_points) if value is not None and value < 0]
    return min(lost)[1] if lost else None
