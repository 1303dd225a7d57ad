"""Hints: Romero et al. 2015, FitNets: Hints for Thin Deep Nets."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.features import FeatureLoss, Pair

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.training.objective import Batch, Objective


class FitNet(FeatureLoss):
    """Parameters of the loss."""

    weighted_by: ClassVar[tuple[str, ...]] = ("weight", "label_weight")

    type: Literal["fitnet"] = "fitnet"
    weight: float = Field(default=1.0, ge=0, le=1e6, description="Weight of the hint.")


def objective(
    spec: FitNet, teacher: "nn.Module", student: "nn.Module", input_shape: tuple[int, int, int]
) -> "Objective":
    """w·CE(student, labels) + weight·mean (r(student's features) − teacher's features)², equation 3.

    r is a convolution of 1 × 1 that is trained with the student and left out of it, as the paper's regressor. Here the
    hint is learned beside the labels from the first step on, not before them.
    """
    from torch import nn

    from compression_ops.training.cross_entropy import cross_entropy
    from compression_ops.training.objective import Objective

    layers = Pair(spec, teacher, student, input_shape)
    regressor = nn.Conv2d(layers.student_shape[0], layers.teacher_shape[0], 1)

    def loss(model: "nn.Module", batch: "Batch") -> "Tensor":
        own, theirs, logits = layers.features(teacher, model, batch)
        hint = nn.functional.mse_loss(regressor(own), theirs)
        return spec.label_weight * cross_entropy(logits, batch.labels, batch.class_weights) + spec.weight * hint

    return Objective(loss, (regressor,))
