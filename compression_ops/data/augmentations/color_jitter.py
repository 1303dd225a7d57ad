"""Colour jitter: random brightness, contrast, saturation and hue, in this order (Howard 2013, "Some Improvements on
Deep Convolutional Neural Network Based Image Classification"), as torchvision's ColorJitter, which draws the order too.

The functions are those of `torchvision.transforms.functional` on float images, here with values in [0, 255] and a
factor for each image of a batch.
"""

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description

_WHITE = 255.0
_RED, _GREEN, _BLUE = 0.2989, 0.587, 0.114  # ITU-R BT.601, rounded as torchvision does
_FRACTION_BITS = 16
_LEAST_CHROMA = 1e-30  # of grey, which has no hue: divided by it, 0 stays 0


class ColorJitter(Spec):
    """Bounds of the random changes: a factor is drawn from [max(0, 1 - bound), 1 + bound]. All zero: none."""

    order: ClassVar[int] = 30

    brightness: float = Field(default=0.0, ge=0, le=10, description="Bound of the factor of all values.")
    contrast: float = Field(default=0.0, ge=0, le=10, description="Bound of the factor of distances from mean grey.")
    saturation: float = Field(default=0.0, ge=0, le=10, description="Bound of the factor of distances from grey.")
    hue: float = Field(default=0.0, ge=0, le=0.5, description="Largest turn of the hue, in whole turns.")


def misfits(spec: ColorJitter, shape: tuple[int, int, int]) -> tuple[Misfit, ...]:
    """Saturation and hue are those of three channels, and contrast needs to know what is grey."""
    needed = {"contrast": (1, 3), "saturation": (3,), "hue": (3,)}
    return tuple(
        Misfit(field, f"0 or left out, since it means nothing for images of {shape[0]} channel(s)")
        for field, channels in needed.items()
        if getattr(spec, field) and shape[0] not in channels
    )


def draw(spec: ColorJitter, samples: int, shape: tuple[int, int, int], random: "Generator") -> "tuple[Tensor]":
    """float32 [N, 4]: the factors of brightness, contrast and saturation, and the turn of the hue.

    Each has random numbers of its own: changing one bound leaves the draws of the others.
    """
    import torch

    bounds = (spec.brightness, spec.contrast, spec.saturation)
    lowest = torch.tensor([*(max(0.0, 1 - bound) for bound in bounds), -spec.hue])
    highest = torch.tensor([*(1 + bound for bound in bounds), spec.hue])
    return (lowest + torch.rand(samples, 4, generator=random) * (highest - lowest),)


def transform(spec: ColorJitter, pixels: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """Those of the four changes that have a bound, one after the other."""
    changes = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
    bounds = (spec.brightness, spec.contrast, spec.saturation, spec.hue)
    for change, bound, amount in zip(changes, bounds, drawn[0].unbind(1), strict=True):
        if bound:
            pixels = change(pixels, amount)
    return pixels


def adjust_brightness(pixels: "Tensor", factor: "Tensor") -> "Tensor":
    """factor · pixels, within [0, 255]; pixels float32 [B, C, H, W], factor [B]."""
    return (pixels * factor.view(-1, 1, 1, 1)).clamp_(0, _WHITE)


def adjust_contrast(pixels: "Tensor", factor: "Tensor") -> "Tensor":
    """Away from the image's mean grey by `factor`. The mean is of greys rounded to 2⁻¹⁶, whose sum is exact."""
    counts = (_grey(pixels) * 2**_FRACTION_BITS).round_().long().sum(dim=(1, 2, 3), keepdim=True)
    mean = counts.float() / (2**_FRACTION_BITS * math.prod(pixels.shape[2:]))
    return _away(mean, pixels, factor)


def adjust_saturation(pixels: "Tensor", factor: "Tensor") -> "Tensor":
    """Away from each pixel's grey by `factor`; pixels are RGB."""
    return _away(_grey(pixels), pixels, factor)


def adjust_hue(pixels: "Tensor", turn: "Tensor") -> "Tensor":
    """The hue of HSV (Smith 1978, "Color Gamut Transform Pairs") turned by `turn` [B] whole turns; pixels are RGB.

    A hue h in [0, 6) is the colour (|h - 3| - 1, 2 - |h - 2|, 2 - |h - 4|), each within [0, 1].
    """
    import torch

    red, green, blue = pixels.unbind(1)
    highest = torch.maximum(torch.maximum(red, green), blue)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    chroma = highest - lowest
    # Masks of 0 and 1 in float32: comparisons to bool, and `where`, take several times as long.
    is_red = torch.eq(red, highest, out=torch.empty_like(highest))
    is_green = torch.eq(green, highest, out=torch.empty_like(highest)).mul_(1 - is_red)
    is_blue = 1 - is_red - is_green
    hue = (green - blue).mul_(is_red).add_((blue - red).mul_(is_green)).add_((red - green).mul_(is_blue))
    hue = hue.div_(chroma.clamp(min=_LEAST_CHROMA)).add_(is_green.mul_(2)).add_(is_blue.mul_(4))
    hue += 6 * turn.view(-1, 1, 1)
    hue -= (hue / 6).floor_().mul_(6)
    turned = torch.empty_like(pixels)
    turned[:, 0] = (hue - 3).abs_().sub_(1)
    turned[:, 1] = (hue - 2).abs_().neg_().add_(2)
    turned[:, 2] = (hue - 4).abs_().neg_().add_(2)
    return turned.clamp_(0, 1).mul_(chroma.unsqueeze(1)).add_(lowest.unsqueeze(1))


def _grey(pixels: "Tensor") -> "Tensor":
    """[B, 1, H, W]: the luma of RGB, or grey pixels as they are."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, dim=1)
    return (red * _RED).add_(green * _GREEN).add_(blue * _BLUE)


def _away(centre: "Tensor", pixels: "Tensor", factor: "Tensor") -> "Tensor":
    """factor · pixels + (1 - factor) · centre, within [0, 255]."""
    factor = factor.view(-1, 1, 1, 1)
    return (pixels * factor).add_(centre * (1 - factor)).clamp_(0, _WHITE)
