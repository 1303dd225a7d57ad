"""What there is to say about each kind of asset, in one place: a new stage adds a row here and a node in `graph`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of asset.

    description  one sentence for Dagster's pages
    badges       Dagster's kinds, shown on the graph's nodes (which show only the last part of a key)
    is_model     whether its artifact is a model, with a page of its own in MLflow
    """

    description: str
    badges: tuple[str, ...]
    is_model: bool = False


KINDS = {
    "raw_data": Kind("The raw files; the data version is the digest of their content.", ("file",)),
    "dataset": Kind(
        "Train, validation and test split as uint8 tensors. Only the benchmark report reads the test split.",
        ("dataset",),
    ),
    "teacher": Kind(
        "The large model, trained on the labels; its best epoch by validation accuracy.", ("pytorch", "teacher"), True
    ),
    "soft_labels": Kind(
        "The teacher's fp16 logits on every augmented view of the training split, by sample id.", ("pytorch",)
    ),
    "student": Kind(
        "The small model, trained on the views with the teacher's soft labels as targets.", ("pytorch", "student"), True
    ),
    "control": Kind(
        "The same student on the same views without the teacher: what distillation gains is the difference.",
        ("pytorch", "control"),
        True,
    ),
    "quantized_student": Kind(
        "The student as an integer ONNX model: batch norm folded, calibrated on the training split.",
        ("onnx", "quantized"),
        True,
    ),
    "benchmark_report": Kind(
        "Every model as the onnxruntime session that a user would run, measured on the test split.", ("pandas",)
    ),
}
