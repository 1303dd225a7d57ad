"""The report as a pandas frame, one row a model: what `report.parquet` holds."""

from pathlib import Path
from typing import Any

import pandas as pd

from compression_ops.evaluation.measurements import Measured, worst_class
from compression_ops.metric import CLASS_AVERAGED, WORDS, Metric, columns
from compression_ops.report import files as report_files
from compression_ops.report.contents import Report


def _class_averaged(metric: Metric) -> dict[str, str]:
    """The columns of one metric that counts each class the same."""
    column, words = columns(metric), WORDS[metric]
    return {
        column.value: f"{words} on the test split, 0 to 1",
        f"{column.value}_low": "lower end of its 95 % bootstrap interval",
        f"{column.value}_high": "upper end of its 95 % bootstrap interval",
        column.change: f"{words} less the parent's, percentage points",
        column.p_value: "paired bootstrap, two-sided, against the parent",
        column.gain: f"of a student with a control: {words} less the control's, percentage points",
        column.gain_p_value: "paired bootstrap, two-sided, of the student against its control",
    }


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
    "roc_auc": "of two classes: area under the ROC curve, 0 to 1",
    **{name: words for metric in CLASS_AVERAGED for name, words in _class_averaged(metric).items()},
    "passed": "of a quantized student: whether it keeps to max_accuracy_drop and min_compression",
    "peak_memory_bytes": "resident memory added by opening the session and predicting one batch of the largest size",
    "speedup_ratio": "the teacher's median latency / its own, at the first batch size",
}
# Then, for each batch size, those of `evaluation.measurements.LATENCY_COLUMNS`.
_TEXT = ("model", "kind", "parent", "worst_class")
_WHOLE = ("test_samples", "parameters", "file_bytes", "weight_bytes", "macs")
# Plain None and NaN for what is missing: pandas' NA answers no comparison and is no JSON.
_DTYPES = {**dict.fromkeys((*_TEXT, "passed"), "object"), **dict.fromkeys(_WHOLE, "int64")}


def frame(report: Report) -> pd.DataFrame:
    """One row a model: COLUMNS, then the latencies of each batch size. Missing: None or NaN."""
    table = pd.DataFrame([_row(report, model) for model in report.models])
    return table.astype({column: _DTYPES.get(column, "float64") for column in table.columns})


def write(report: Report, folder: Path) -> None:
    """Write `report.parquet`."""
    frame(report).to_parquet(folder / report_files.FRAME, index=False)


def headline(report: Report, model: Measured) -> dict[str, float]:
    """The numbers of one model that a reader wants first, as `<model>.<column>`, and which quantized models pass."""
    numbers = report.measurements.numbers(model)
    first = (columns(report.metric).value, "file_bytes", "compression_ratio", "speedup_ratio")
    chosen = {f"{model.name}.{column}": float(numbers[column] or 0) for column in first}
    return chosen | {f"{name}.passed": float(verdict.passed) for name, verdict in report.verdicts.items()}


def _row(report: Report, model: Measured) -> dict[str, Any]:
    numbers, change = report.measurements.numbers(model), model.change
    worst = None if change is None else worst_class(change.class_points)
    verdict = report.verdicts.get(model.name)
    values: dict[str, Any] = {
        **numbers,
        "model": model.name,
        "kind": model.kind,
        "parent": model.parent,
        "test_samples": report.test_samples,
        "worst_class": None if worst is None else report.classes[worst],
        "passed": None if verdict is None else verdict.passed,
    }
    return {column: values[column] for column in (*COLUMNS, *(name for name in numbers if name not in COLUMNS))}
