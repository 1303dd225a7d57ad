"""Distillation as matching a function: Beyer et al. 2022, Knowledge distillation: A good teacher is patient and
consistent.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.logit_loss import LogitLoss, softened

if TYPE_CHECKING:
    from torch import Tensor


class FunctionMatching(LogitLoss):
    """Parameters of the loss. Teacher and student see the same views, as here they always do; the paper's are cropped
    and mixed without restraint (`mixup`), and training is long.
    """

    takes_mixed_labels: ClassVar[bool] = True

    type: Literal["function_matching"] = "function_matching"
    temperature: float = Field(default=1.0, gt=0, le=100, description="Softens both distributions; 1 leaves them.")


def loss(spec: FunctionMatching, student_logits: "Tensor", teacher_logits: "Tensor", labels: "Tensor") -> "Tensor":
    """T²·KL(softmax(teacher / T) ‖ softmax(student / T)), the mean over the batch; no label is read (section 2).

    student_logits and teacher_logits: float [B, classes], the teacher's of any float type, on the same mixture of
    samples; returns a scalar in nats. The factor T², which the paper does not have, keeps the gradient of the same size
    whatever the temperature; at its temperature of 1 they are equal.
    """
    from torch.nn.functional import kl_div, log_softmax

    student, teacher = (log_softmax(z, dim=1) for z in softened(spec, student_logits, teacher_logits))
    return spec.temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)
