"""Every gate of a recipe, with a threshold and numbers of a stage on either side of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_QUANTIZED, _STUDENT = "quantized_student/int8", "student/small"


@dataclass(frozen=True)
class Case:
    """A gate: where its threshold stands, what it is set to, and numbers of a stage on either side of it."""

    asset: str
    threshold: str
    value: float
    passing: float
    failing: float
    metric: str = ""
    beside: Mapping[str, float] = field(default_factory=dict)
    negated: bool = False
    blocking: bool = False
    subject: str | None = None


CASES = {
    "class_balance": Case("dataset", "gates.min_class_balance", 0.5, 0.5, 0.4999, "class_balance"),
    "duplicates": Case(
        "dataset", "gates.max_duplicates", 0.05, 0.05, 0.06, "duplicates_across_splits", {"test_samples": 1}
    ),
    "drift": Case("dataset", "gates.max_drift", 0.1, 0.1, 0.1001),
    "teacher": Case(
        "teacher", "gates.min_teacher_accuracy", 0.9, 0.9, 0.8999, "validation_accuracy", blocking=True
    ),
    "student": Case(_STUDENT, "gates.min_student_accuracy", 0.8, 0.8, 0.7999, "validation_accuracy", blocking=True),
    "onnx_parity": Case(_QUANTIZED, "gates.max_export_error", 0.001, 0.001, 0.0011, "export_error"),
    "integer_kernels": Case(_QUANTIZED, "gates.min_integer_share", 0.75, 0.75, 0.74, "integer_share"),
    "distillation_gain_small": Case(
        "measurements", "gates.min_distillation_gain", 0.25, 0.25, 0.2,
        f"{_STUDENT}.distillation_gain_points", {f"{_STUDENT}.distillation_p_value": 0.04}, subject=_STUDENT,
    ),
    "accuracy_drop_int8": Case(
        "measurements", "benchmark.max_accuracy_drop", 0.5, 0.5, 0.6,
        f"{_QUANTIZED}.accuracy_change_points", {f"{_QUANTIZED}.mcnemar_p_value": 0.03}, True, subject=_QUANTIZED,
    ),
    "compression_int8": Case(
        "measurements", "benchmark.min_compression", 10, 10, 9.99, f"{_QUANTIZED}.compression_ratio",
        subject=_QUANTIZED,
    ),
    "latency_int8": Case(
        "measurements", "gates.max_latency_us", 40, 40, 41, f"{_QUANTIZED}.latency_p50_us_batch1",
        subject=_QUANTIZED,
    ),
}  # fmt: skip
# Of a recipe with `metric: f1_macro` those that ask of accuracy: the same thresholds, other numbers.
BY_F1 = {
    "teacher": replace(CASES["teacher"], metric="validation_f1_macro", beside={"validation_accuracy": 0.1}),
    "student": replace(CASES["student"], metric="validation_f1_macro", beside={"validation_accuracy": 0.1}),
    "distillation_gain_small": replace(
        CASES["distillation_gain_small"], metric=f"{_STUDENT}.distillation_gain_f1_macro_points",
        beside={f"{_STUDENT}.distillation_f1_macro_p_value": 0.2, f"{_STUDENT}.distillation_gain_points": -5.0},
    ),
    "accuracy_drop_int8": replace(
        CASES["accuracy_drop_int8"], metric=f"{_QUANTIZED}.f1_macro_change_points",
        beside={f"{_QUANTIZED}.f1_macro_p_value": 0.3, f"{_QUANTIZED}.accuracy_change_points": -50.0},
    ),
}  # fmt: skip
# Numbers that satisfy every gate that a case is not about.
SOUND = {
    "classes": 10, "train_samples": 100, "validation_samples": 10, "test_samples": 10, "class_balance": 1.0,
    "duplicates_across_splits": 0, "export_error": 0.0, "integer_share": 1.0,
    f"{_STUDENT}.distillation_gain_points": 1.0, f"{_STUDENT}.distillation_p_value": 0.01,
    f"{_QUANTIZED}.accuracy_change_points": 0.0, f"{_QUANTIZED}.mcnemar_p_value": 1.0,
    f"{_STUDENT}.distillation_gain_f1_macro_points": 1.0, f"{_STUDENT}.distillation_f1_macro_p_value": 0.01,
    f"{_QUANTIZED}.f1_macro_change_points": 0.0, f"{_QUANTIZED}.f1_macro_p_value": 1.0,
    f"{_QUANTIZED}.compression_ratio": 100.0, f"{_QUANTIZED}.latency_p50_us_batch1": 1.0,
}  # fmt: skip
