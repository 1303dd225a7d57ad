"""Relations between samples: Park, Kim, Lu & Cho 2019, Relational Knowledge Distillation."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.distillation.features import FeatureLoss, Pair

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compression_ops.training.objective import Batch, Objective

_SMALLEST = 1e-12  # of a squared distance: the root of 0 has no derivative


class Relational(FeatureLoss):
    """Parameters of the loss."""

    weighted_by: ClassVar[tuple[str, ...]] = ("distance", "angle", "label_weight")

    type: Literal["relational"] = "relational"
    distance: float = Field(default=25.0, ge=0, le=1e6, description="Weight of the distances between two samples.")
    angle: float = Field(default=50.0, ge=0, le=1e6, description="Weight of the angles between three samples.")


def objective(
    spec: Relational, teacher: "nn.Module", student: "nn.Module", input_shape: tuple[int, int, int]
) -> "Objective":
    """w·CE(student, labels) + λ_D·L_D + λ_A·L_A, equations 5 and 8, on flattened features of any length.

    L_D is Huber's loss of the distances of each two samples of the batch, each divided by the batch's mean distance
    that is not 0; L_A that of the cosines of the angles which each three samples span.
    """
    from torch.nn.functional import smooth_l1_loss

    from compression_ops.training.cross_entropy import cross_entropy
    from compression_ops.training.objective import Objective

    layers = Pair(spec, teacher, student, input_shape)

    def loss(model: "nn.Module", batch: "Batch") -> "Tensor":
        own, theirs, logits = layers.features(teacher, model, batch)
        own, theirs = own.flatten(1), theirs.flatten(1)
        relations = spec.distance * smooth_l1_loss(_distances(own), _distances(theirs))
        relations = relations + spec.angle * smooth_l1_loss(_angles(own), _angles(theirs))
        return spec.label_weight * cross_entropy(logits, batch.labels, batch.class_weights) + relations

    return Objective(loss)


def _distances(samples: "Tensor") -> "Tensor":
    """[B, D] -> [B, B], relative to the mean of those that are not 0."""
    import torch

    squares = (samples[:, None] - samples[None]).square().sum(dim=2)
    distances = squares.clamp_min(_SMALLEST).sqrt() * ~torch.eye(len(samples), dtype=torch.bool, device=samples.device)
    positive = distances[squares > _SMALLEST]
    return distances / positive.mean() if len(positive) else distances


def _angles(samples: "Tensor") -> "Tensor":
    """[B, D] -> [B, B, B], the cosine of the angle at the first of three samples between the other two."""
    from torch.nn.functional import normalize

    directions = normalize(samples[None] - samples[:, None], dim=2)
    return directions @ directions.transpose(1, 2)
