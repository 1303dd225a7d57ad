"""Distillation by softened probabilities: Hinton, Vinyals & Dean 2015, Distilling the Knowledge in a Neural Network."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.logit_loss import LogitLoss, softened

if TYPE_CHECKING:
    from torch import Tensor


class KD(LogitLoss):
    """Parameters of the loss."""

    weighs_classes: ClassVar[bool] = True
    takes_mixed_labels: ClassVar[bool] = True

    type: Literal["kd"] = "kd"
    alpha: float = Field(default=0.9, ge=0, le=1, description="Weight of the teacher's part; the labels have the rest.")


def loss(
    spec: KD,
    student_logits: "Tensor",
    teacher_logits: "Tensor",
    labels: "Tensor",
    class_weights: "Tensor | None" = None,
) -> "Tensor":
    """α·T²·KL(softmax(teacher/T) ‖ softmax(student/T)) + (1 − α)·CE(softmax(student), labels), the mean over the batch.

    student_logits and teacher_logits: float [B, classes], the teacher's of any float type; labels: int64 [B], or
    float32 [B, classes] where samples are mixed; class_weights: float32 [classes], by which the labels' part weighs its
    mean over the batch; returns a scalar in nats. The factor T² keeps the soft part's gradient of the same size
    whatever the temperature.
    """
    from torch.nn.functional import kl_div, log_softmax

    from compression_ops.training.cross_entropy import cross_entropy

    student, teacher = (log_softmax(z, dim=1) for z in softened(spec, student_logits, teacher_logits))
    soft = spec.temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)
    return spec.alpha * soft + (1 - spec.alpha) * cross_entropy(student_logits, labels, class_weights)
