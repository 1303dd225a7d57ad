"""Attention maps: Zagoruyko & Komodakis 2017, Paying More Attention to Attention."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.features import FeatureLoss, Pair

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.training.objective import Batch, Objective


class AttentionTransfer(FeatureLoss):
    """Parameters of the loss."""

    weighted_by: ClassVar[tuple[str, ...]] = ("weight", "label_weight")

    type: Literal["attention_transfer"] = "attention_transfer"
    weight: float = Field(default=1000.0, ge=0, le=1e6, description="Weight of the difference of the maps (β).")


def objective(
    spec: AttentionTransfer, teacher: "nn.Module", student: "nn.Module", input_shape: tuple[int, int, int]
) -> "Objective":
    """w·CE(student, labels) + β·mean (a(student's features) − a(teacher's features))², equation 2 with p = 2.

    a is the mean over channels of the squares, flattened and divided by its Euclidean norm, so the numbers of channels
    need not be equal. The mean is over batch and positions, as in the paper's code.
    """
    from compression_ops.training.cross_entropy import cross_entropy
    from compression_ops.training.objective import Objective

    layers = Pair(spec, teacher, student, input_shape)

    def loss(model: "nn.Module", batch: "Batch") -> "Tensor":
        own, theirs, logits = layers.features(teacher, model, batch)
        difference = (_attention(own) - _attention(theirs)).square().mean()
        return spec.label_weight * cross_entropy(logits, batch.labels, batch.class_weights) + spec.weight * difference

    return Objective(loss)


def _attention(features: "Tensor") -> "Tensor":
    from torch.nn.functional import normalize

    return normalize(features.square().mean(dim=1).flatten(1), dim=1)
