"""What losses on logits have in common: a temperature, and whether logits are standardized before it."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor

_SMALLEST = 1e-7  # is added to a deviation, as the paper's code does: logits that are all equal have none


class LogitLoss(Spec):
    """Parameters of a loss on stored logits."""

    needs_teacher: ClassVar[bool] = False

    temperature: float = Field(default=4.0, gt=0, le=100, description="Softens both distributions; 1 leaves them.")
    standardize: bool = Field(
        default=False, description="Logit standardization: z-scores of each sample's logits take the logits' place."
    )


def softened(spec: LogitLoss, student_logits: "Tensor", teacher_logits: "Tensor") -> "tuple[Tensor, Tensor]":
    """The logits of student and teacher, [B, classes], divided by the temperature, in the student's type.

    With `standardize` (z − mean) / deviation of each row is divided: Sun, Ren, Li, Wang & Cao 2024, "Logit
    Standardization in Knowledge Distillation", algorithm 1. The student need then not reach the teacher's magnitude.
    Only what compares the two is given these; the labels' part of a loss takes the student's logits as they are.
    """
    both = (student_logits, teacher_logits.to(student_logits.dtype))
    if spec.standardize:
        both = tuple(z - z.mean(dim=1, keepdim=True) for z in both)
        both = tuple(z / (z.std(dim=1, keepdim=True) + _SMALLEST) for z in both)
    student, teacher = both
    return student / spec.temperature, teacher / spec.temperature
