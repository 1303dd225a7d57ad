"""What there is to say about each kind of asset, in one place: a new stage adds a row here and a node in `graph`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of asset.

    description  one sentence for Dagster's pages
    badges       Dagster's kinds, shown on the graph's nodes (which show only the last part of a key)
    is_model     whether its artifact is a model, with a page of its own in MLflow
    is_heavy     whether it takes the whole machine, so that no two such stages may run at a time
    decides      whether its result depends on what the model registry holds, and changes it
    gates        fields of the recipe's `gates` that judge its result, or those that a decision chooses among
    """

    description: str
    badges: tuple[str, ...]
    is_model: bool = False
    is_heavy: bool = False
    decides: bool = False
    gates: tuple[str, ...] = ()


KINDS = {
    "raw_data": Kind("The raw files; the data version is the digest of their content.", ("file",)),
    "generation": Kind("How often the schedule asked for new seeds; it is added to every training seed.", ("seed",)),
    "dataset": Kind(
        "Train, validation and test split as uint8 tensors. Only the report and the champion read the test split.",
        ("dataset",),
        gates=("min_class_balance", "max_duplicates", "max_drift"),
    ),
    "teacher": Kind(
        "The large model, trained on the labels; its best epoch by validation accuracy.",
        ("pytorch", "teacher"),
        is_model=True,
        is_heavy=True,
        gates=("min_teacher_accuracy",),
    ),
    "soft_labels": Kind(
        "The teacher's fp16 logits on every augmented view of the training split, by sample id.",
        ("pytorch",),
        is_heavy=True,
    ),
    "student": Kind(
        "The small model, trained on the views with the teacher's soft labels as targets.",
        ("pytorch", "student"),
        is_model=True,
        is_heavy=True,
        gates=("min_student_accuracy",),
    ),
    "control": Kind(
        "The same student on the same views without the teacher: what distillation gains is the difference.",
        ("pytorch", "control"),
        is_model=True,
        is_heavy=True,
    ),
    "quantized_student": Kind(
        "The student as an integer ONNX model: batch norm folded, calibrated on the training split.",
        ("onnx", "quantized"),
        is_model=True,
        gates=("max_export_error", "min_integer_share"),
    ),
    "benchmark_report": Kind(
        "Every model as the onnxruntime session that a user would run, measured on the test split.",
        ("pandas",),
        is_heavy=True,
        gates=("min_distillation_gain", "max_latency_us"),
    ),
    "champion": Kind(
        "The model to ship: the best quantized student that passes every gate, if it beats the present champion.",
        ("onnx", "mlflow"),
        is_heavy=True,
        decides=True,
        gates=("max_export_error", "min_integer_share", "max_latency_us"),
    ),
}
