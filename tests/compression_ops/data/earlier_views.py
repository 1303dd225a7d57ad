"""The views of version 0.1, as its code made them: `draw`, `affine` and `augment` are copied, and stay as they are."""

import math

import torch
from torch import Tensor

from compression_ops.data.affine import Affine
from compression_ops.seeds import generator


def draw(augmentation: Affine, samples: int, seed: int, view: int) -> Tensor | None:
    """The transformations of one view, for all samples at once: float32 [samples, 2, 3] as `affine` gives them.

    They depend on (augmentation, samples, seed, view) alone, so any batch of any view can be made again exactly.
    Each bound has random numbers of its own: changing one leaves the draws of the others. None: nothing to transform.
    """
    if augmentation == Affine():
        return None
    uniform = torch.rand(samples, 6, generator=generator(seed, "view", view)) * 2 - 1
    return affine(
        angle=uniform[:, 0] * math.radians(augmentation.rotate),
        scale=1 + uniform[:, 1] * augmentation.scale,
        shear=torch.tan(uniform[:, 2] * math.radians(augmentation.shear)),
        shift=uniform[:, 3:5] * augmentation.translate,
        mirror=(uniform[:, 5] < 0) & augmentation.flip,
    )


def affine(angle: Tensor, scale: Tensor, shear: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """Where each output pixel is read from: matrices [N, 2, 3] that map (x, y, 1) of the output to (x, y) of the input.

    Coordinates are pixels from the image's centre, x to the right and y down. The image is mirrored left to right
    where `mirror` (bool [N]), sheared (x moves by `shear`·y), scaled, turned by `angle` (radians, from x towards y)
    and shifted by `shift` ([N, 2]: x, y), in this order; angle, scale and shear are [N].
    """
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    sign = 1 - 2 * mirror.to(angle.dtype)
    linear = torch.stack([sign * (cos + shear * sin), sign * (sin - shear * cos), -sin, cos], dim=1).view(-1, 2, 2)
    offset = -(linear * shift.unsqueeze(1)).sum(dim=2, keepdim=True)
    return torch.cat([linear, offset], dim=2)


def augment(images: Tensor, transformations: Tensor | None) -> Tensor:
    """Transform a batch: [B, C, H, W] with values in [0, 255] and float32 [B, 2, 3] -> float32 [B, C, H, W].

    Bilinear; what comes from outside the image is black (0). A sample's result does not depend on its batch:
    the sampling grid is computed element by element, since a batched matrix product may round differently.
    """
    from torch.nn.functional import grid_sample

    pixels = images.to(torch.float32)
    if transformations is None:
        return pixels
    height, width = images.shape[2:]
    x = (torch.arange(width, dtype=torch.float32) - (width - 1) / 2).view(1, 1, width)
    y = (torch.arange(height, dtype=torch.float32) - (height - 1) / 2).view(1, height, 1)
    matrix = transformations.unsqueeze(-1).unsqueeze(-1)
    columns, rows = (matrix[:, i, 0] * x + matrix[:, i, 1] * y + matrix[:, i, 2] for i in (0, 1))
    grid = torch.stack([columns * (2 / width), rows * (2 / height)], dim=3)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
