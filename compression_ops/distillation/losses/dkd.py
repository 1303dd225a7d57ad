"""Decoupled distillation: Zhao, Cui, Song, Qiu & Liang 2022, Decoupled Knowledge Distillation."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.logit_loss import LogitLoss, softened

if TYPE_CHECKING:
    from torch import Tensor


class DKD(LogitLoss):
    """Parameters of the loss."""

    weighs_classes: ClassVar[bool] = True
    takes_epoch: ClassVar[bool] = True
    weighted_by: ClassVar[tuple[str, ...]] = ("alpha", "beta", "label_weight")

    type: Literal["dkd"] = "dkd"
    alpha: float = Field(default=1.0, ge=0, le=100, description="Weight of the part about the target class.")
    beta: float = Field(default=8.0, ge=0, le=100, description="Weight of the part about the other classes.")
    label_weight: float = Field(default=1.0, ge=0, le=100, description="Weight of the cross entropy with the labels.")
    warmup_epochs: int = Field(default=20, ge=0, le=10000, description="Until then the teacher's parts grow to full.")


def loss(
    spec: DKD,
    student_logits: "Tensor",
    teacher_logits: "Tensor",
    labels: "Tensor",
    class_weights: "Tensor | None" = None,
    epoch: int = 0,
) -> "Tensor":
    """w·CE(student, labels) + min(1, epoch / warm-up)·T²·(α·TCKD + β·NCKD), the mean over the batch (equation 7).

    TCKD is KL(teacher ‖ student) of the two probabilities target and not target; NCKD that of the other classes among
    themselves, all of logits / T. With α = 1 and β = 1 − the teacher's probability of the target they are Hinton's KD.

    student_logits and teacher_logits: float [B, classes], the teacher's of any float type; labels: int64 [B];
    class_weights: float32 [classes], by which the labels' part weighs its mean; epoch from 0; returns a scalar in nats.
    """
    import torch

    from compression_ops.training.cross_entropy import cross_entropy

    chosen = torch.nn.functional.one_hot(labels, student_logits.shape[1]).bool()
    student, teacher = (torch.log_softmax(z, dim=1) for z in softened(spec, student_logits, teacher_logits))
    target = _divergence(_target_and_rest(student, chosen), _target_and_rest(teacher, chosen))
    others = _divergence(_others(student, chosen), _others(teacher, chosen))
    warm = min(1.0, epoch / spec.warmup_epochs) if spec.warmup_epochs else 1.0
    soft = spec.temperature**2 * (spec.alpha * target + spec.beta * others)
    return spec.label_weight * cross_entropy(student_logits, labels, class_weights) + warm * soft


def _divergence(student: "Tensor", teacher: "Tensor") -> "Tensor":
    """KL(teacher ‖ student) of logarithms of probabilities [B, outcomes], the mean over the batch."""
    from torch.nn.functional import kl_div

    return kl_div(student, teacher, reduction="batchmean", log_target=True)


def _target_and_rest(logs: "Tensor", chosen: "Tensor") -> "Tensor":
    """log p [B, classes] -> the logarithms of what the target has and of what all others have, [B, 2]."""
    import torch

    return torch.stack([logs[chosen], logs.masked_fill(chosen, -torch.inf).logsumexp(dim=1)], dim=1)


def _others(logs: "Tensor", chosen: "Tensor") -> "Tensor":
    """log p [B, classes] -> the logarithms of the other classes' probabilities among themselves, [B, classes - 1]."""
    return logs[~chosen].view(len(logs), -1).log_softmax(dim=1)
