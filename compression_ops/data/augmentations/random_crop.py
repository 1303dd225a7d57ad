"""Random crop with padding: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional
Neural Networks", crop; He et al. 2016, "Deep Residual Learning for Image Recognition", pad 32×32 pixels by 4 before.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class RandomCrop(Spec):
    """A window of the image's own size, at a random place in the padded image."""

    order: ClassVar[int] = 10

    padding: int = Field(ge=1, le=512, description="Pixels that are put on each side before the image is cropped.")
    padding_mode: Literal["constant", "edge", "reflect"] = Field(
        default="constant", description="What the padding shows: black, the outermost pixels, or the image mirrored."
    )


_MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}


def misfits(spec: RandomCrop, shape: tuple[int, int, int]) -> tuple[Misfit, ...]:
    """A padding as wide as the image could leave nothing of it."""
    side = min(shape[1:])
    return () if spec.padding < side else (Misfit("padding", f"less than {side}, the images' shorter side"),)


def draw(spec: RandomCrop, samples: int, shape: tuple[int, int, int], random: "Generator") -> "tuple[Tensor]":
    """Each window's upper left corner in the padded image, int64 [N, 2] (row, column), uniform in 0 … 2·padding."""
    import torch

    return (torch.randint(0, 2 * spec.padding + 1, (samples, 2), generator=random),)


def transform(spec: RandomCrop, pixels: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """As torchvision's RandomCrop with `padding` and `padding_mode`: pixels are moved, none is computed."""
    import torch
    from torch.nn.functional import pad

    height, width = pixels.shape[2:]
    padded = pad(pixels, [spec.padding] * 4, mode=_MODES[spec.padding_mode])
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    (corners,) = drawn
    return windows[torch.arange(len(pixels), device=pixels.device), :, corners[:, 0], corners[:, 1]]
