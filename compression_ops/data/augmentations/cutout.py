"""Cutout: DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout"
(arXiv 1708.04552).
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class Cutout(Spec):
    """Squares that are masked, around random pixels: those near an edge lie partly outside, as the paper asks."""

    order: ClassVar[int] = 40

    size: int = Field(ge=1, le=1024, description="Side of the masked square, in pixels.")
    holes: int = Field(default=1, ge=1, le=16, description="Squares an image.")


def misfits(spec: Cutout, shape: tuple[int, int, int]) -> tuple[Misfit, ...]:
    """A square larger than the image masks nearly all of it, wherever it lies."""
    side = min(shape[1:])
    return () if spec.size <= side else (Misfit("size", f"at most {side}, the images' shorter side"),)


def draw(spec: Cutout, samples: int, shape: tuple[int, int, int], random: "Generator") -> "tuple[Tensor]":
    """The pixels around which squares are masked: int64 [N, holes, 2] (row, column), uniform in the image."""
    import torch

    _, height, width = shape
    uniform = torch.rand(samples, spec.holes, 2, dtype=torch.float64, generator=random)
    return ((uniform * torch.tensor([height, width])).long(),)


def transform(spec: Cutout, pixels: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """Mask rows and columns c - ⌊size/2⌋ … c - ⌊size/2⌋ + size - 1 around each pixel c.

    They become the training split's mean, which is 0 in a network's input, as in the authors' code.
    """
    import torch

    rows, columns = (_covered(drawn[0][:, :, axis], spec.size, pixels.shape[2 + axis]) for axis in (0, 1))
    masked = (rows.unsqueeze(3) & columns.unsqueeze(2)).any(dim=1, keepdim=True)
    mean = torch.tensor(description.mean, dtype=torch.float32, device=pixels.device) * 255
    return torch.where(masked, mean.view(1, -1, 1, 1), pixels)


def _covered(centre: "Tensor", size: int, length: int) -> "Tensor":
    """Which pixels along an axis a square covers: bool [B, holes, length]."""
    import torch

    first = (centre - size // 2).unsqueeze(2)
    along = torch.arange(length, device=centre.device)
    return (along >= first) & (along < first + size)
