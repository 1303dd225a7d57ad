"""Shift, rotation, size, shear and mirror image of each sample, as one affine map of its pixels."""

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class Affine(Spec):
    """Bounds of the random affine map that each sample undergoes. All zero: none."""

    order: ClassVar[int] = 20

    translate: float = Field(default=0.0, ge=0, le=64, description="Largest shift along each axis, in pixels.")
    rotate: float = Field(default=0.0, ge=0, le=180, description="Largest rotation either way, in degrees.")
    scale: float = Field(default=0.0, ge=0, lt=1, description="Largest relative change of size.")
    shear: float = Field(default=0.0, ge=0, le=45, description="Largest shear, in degrees.")
    flip: bool = Field(default=False, description="Mirror half of the samples left to right.")


def misfits(spec: Affine, shape: tuple[int, int, int]) -> tuple[Misfit, ...]:
    """None: any image can be mapped."""
    return ()


def draw(spec: Affine, samples: int, shape: tuple[int, int, int], random: "Generator") -> "tuple[Tensor]":
    """The maps of all samples: float32 [N, 2, 3] as `affine` gives them.

    Each bound has random numbers of its own: changing one leaves the draws of the others.
    """
    import torch

    uniform = torch.rand(samples, 6, generator=random) * 2 - 1
    maps = affine(
        angle=uniform[:, 0] * math.radians(spec.rotate),
        scale=1 + uniform[:, 1] * spec.scale,
        shear=torch.tan(uniform[:, 2] * math.radians(spec.shear)),
        shift=uniform[:, 3:5] * spec.translate,
        mirror=(uniform[:, 5] < 0) & spec.flip,
    )
    return (maps,)


def affine(angle: "Tensor", scale: "Tensor", shear: "Tensor", shift: "Tensor", mirror: "Tensor") -> "Tensor":
    """Where each output pixel is read from: matrices [N, 2, 3] that map (x, y, 1) of the output to (x, y) of the input.

    Coordinates are pixels from the image's centre, x to the right and y down. The image is mirrored left to right
    where `mirror` (bool [N]), sheared (x moves by `shear`·y), scaled, turned by `angle` (radians, from x towards y)
    and shifted by `shift` ([N, 2]: x, y), in this order; angle, scale and shear are [N].
    """
    import torch

    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    sign = 1 - 2 * mirror.to(angle.dtype)
    linear = torch.stack([sign * (cos + shear * sin), sign * (sin - shear * cos), -sin, cos], dim=1).view(-1, 2, 2)
    offset = -(linear * shift.unsqueeze(1)).sum(dim=2, keepdim=True)
    return torch.cat([linear, offset], dim=2)


def transform(spec: Affine, pixels: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """Map a batch: float32 [B, C, H, W] and the maps float32 [B, 2, 3] -> float32 [B, C, H, W].

    Bilinear; what comes from outside the image is black (0). The sampling grid is computed element by element, since a
    batched matrix product may round differently, and in place: to interleave its halves afterwards takes as long again.
    """
    import torch
    from torch.nn.functional import grid_sample

    samples, _, height, width = pixels.shape
    x = (torch.arange(width, dtype=torch.float32, device=pixels.device) - (width - 1) / 2).view(1, 1, width)
    y = (torch.arange(height, dtype=torch.float32, device=pixels.device) - (height - 1) / 2).view(1, height, 1)
    matrix = drawn[0].unsqueeze(-1).unsqueeze(-1)
    grid = torch.empty(samples, height, width, 2, device=pixels.device)
    for i, size in enumerate((width, height)):
        places = matrix[:, i, 0] * x + matrix[:, i, 1] * y + matrix[:, i, 2]
        torch.mul(places, 2 / size, out=grid[..., i])
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
