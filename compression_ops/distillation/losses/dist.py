"""Distillation by correlation: Huang, You, Wang, Qian & Xu 2022, Knowledge Distillation from A Stronger Teacher."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.logit_loss import LogitLoss, softened

if TYPE_CHECKING:
    from torch import Tensor

_SMALLEST = 1e-8  # a product of norms; of less, no correlation can be told


class DIST(LogitLoss):
    """Parameters of the loss."""

    weighs_classes: ClassVar[bool] = True
    takes_mixed_labels: ClassVar[bool] = True
    weighted_by: ClassVar[tuple[str, ...]] = ("inter", "intra", "label_weight")

    type: Literal["dist"] = "dist"
    inter: float = Field(default=2.0, ge=0, le=100, description="Weight of the relation between classes (β).")
    intra: float = Field(default=2.0, ge=0, le=100, description="Weight of the relation within each class (γ).")
    label_weight: float = Field(default=1.0, ge=0, le=100, description="Weight of the cross entropy with the labels.")


def loss(
    spec: DIST,
    student_logits: "Tensor",
    teacher_logits: "Tensor",
    labels: "Tensor",
    class_weights: "Tensor | None" = None,
) -> "Tensor":
    """w·CE(student, labels) + T²·(β·(1 − mean_i ρ(rows i)) + γ·(1 − mean_j ρ(columns j))), equations 6 to 10.

    ρ is Pearson's correlation of the student's with the teacher's probabilities at temperature T: of one sample over
    all classes, and of one class over the batch. Only the order and the proportions have to be met, not the values.

    student_logits and teacher_logits: float [B, classes], the teacher's of any float type; labels: int64 [B], or
    float32 [B, classes] where samples are mixed; class_weights: float32 [classes], by which the labels' part weighs its
    mean; returns a scalar.
    """
    from compression_ops.training.cross_entropy import cross_entropy

    student, teacher = (z.softmax(dim=1) for z in softened(spec, student_logits, teacher_logits))
    between = 1 - _correlation(student, teacher).mean()
    within = 1 - _correlation(student.T, teacher.T).mean()
    soft = spec.temperature**2 * (spec.inter * between + spec.intra * within)
    return spec.label_weight * cross_entropy(student_logits, labels, class_weights) + soft


def _correlation(first: "Tensor", second: "Tensor") -> "Tensor":
    """Pearson's, of each row of one with the same row of the other: [N, M] -> [N]; 0 for a row without variation."""
    first, second = (rows - rows.mean(dim=1, keepdim=True) for rows in (first, second))
    # The root of 0 has no derivative: what is bounded is what it is taken of.
    squares = first.square().sum(dim=1) * second.square().sum(dim=1)
    return (first * second).sum(dim=1) / squares.clamp_min(_SMALLEST**2).sqrt()
