"""Images: pixels of one to many channels, normalized channel by channel.

pixels, uint8 [N, C, H, W] ─► Cast ─► ÷ 255 ─► − mean ─► ÷ std ─► the network
"""

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compression_ops.data.modalities import stability
from compression_ops.data.modalities.modality import Modality, Read
from compression_ops.data.storage import blocks, mapped
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto
    from torch import Tensor

    from compression_ops.data.dataset import Description

_LEVELS = 256
# Pixels counted at a time: counting needs eight bytes for each.
_COUNTED = 2**20
# Pixels of one image and channel that are summed at a time: their squares fit 32 bits.
_SUMMED = 2**16
# What `data.formats.image_file.decode` does; said here in words, so that a model is not made of its code.
_PICTURES = (
    "upright by EXIF, transparency over white, RGB or ITU-R 601 luma, the largest centred square, resized bilinear "
    "with antialiasing"
)
# By its name, for the same reason.
_READER = "compression_ops.data.formats.unlabelled_image"


@dataclass(frozen=True)
class Images(Modality):
    """Of (channels, height, width). Normalized is (pixel / 255 - mean) / std, float32 [N, C, H, W]."""

    type: ClassVar[str] = "images"
    noun: ClassVar[str] = "images"
    dtype: ClassVar[str] = "uint8"
    axes: ClassVar[str] = "[N, C, H, W]"
    dimensions: ClassVar[int] = 4
    input_name: ClassVar[str] = "pixels"
    example: ClassVar[int] = 128
    raw: ClassVar[str] = "pixels from 0 to 255"
    normalized: ClassVar[str] = "(pixel / 255 - mean) / std of each channel, for pixels from 0 to 255"
    has_likenesses: ClassVar[bool] = True
    prepared_by: ClassVar[tuple[str, ...]] = ("image_size", "normalization")
    how: ClassVar[str] = f"Of a picture: {_PICTURES}"

    def statistics(
        self, values: "NDArray[np.uint8]", where: str
    ) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """Of each channel's pixels scaled to [0, 1], [N, C, H, W].

        From integer sums, so exact but for the last rounding and equal on every machine. A channel with one value only
        gets the standard deviation 1, so that dividing by it is harmless, and a warning; raises DataError if all are
        such.
        """
        import numpy as np

        size = len(values) * values.shape[2] * values.shape[3]
        totals, squares = np.zeros((2, values.shape[1]), np.uint64)
        for block_totals, block_squares in blocks.in_parallel(_sums, blocks.of(values)):
            totals += block_totals
            squares += block_squares
        sums = list(zip(map(int, totals), map(int, squares), strict=True))
        means = [total / (255 * size) for total, _ in sums]
        deviations = [math.sqrt(size * square - total * total) / (255 * size) for total, square in sums]
        if not any(deviations):
            raise DataError(f"{where}: every pixel has the same value; there is nothing to learn. Check the images.")
        constant = [channel for channel, deviation in enumerate(deviations) if not deviation]
        warnings = [
            f"{where}: channel {channel} has the same value in every pixel; it tells nothing." for channel in constant
        ]
        return tuple(means), tuple(deviation or 1.0 for deviation in deviations), warnings

    def described(self, shape: tuple[int, ...]) -> str:
        """`images of 3 channels, 32 x 32 pixels`."""
        channels, height, width = shape
        return f"images of {channels} channel{'s' * (channels != 1)}, {height} x {width} pixels"

    def picture(self, value: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Itself."""
        return value

    def unreadable(self, shape: tuple[int, ...]) -> str | None:
        """Of files squares of one or three channels are made."""
        channels, height, width = shape
        if height == width and channels in (1, 3):
            return None
        return (
            f"takes images of {channels} channel(s), {height} x {width} pixels; image files can be read for square "
            "images of 1 or 3 channels alone. Run this model in onnxruntime on arrays of your own"
        )

    def read(self, file: Path, description: "Description") -> Sequence[Read]:
        """The one image of a file, as `_PICTURES` says and no more: in particular its colours are never inverted."""
        channels, side, _ = description.shape
        return importlib.import_module(_READER).read(file, side, channels)

    def drift(self, previous: "NDArray[np.uint8]", current: "NDArray[np.uint8]", former: Modality) -> float:
        """Of all pixels' values, in bins of the previous images' deciles. Shapes may differ."""
        return stability.of_values(_levels(previous), _levels(current))

    def normalize(self, values: "Tensor", description: "Description") -> "Tensor":
        """uint8 or float [N, C, H, W] with values in [0, 255] -> float32."""
        import torch

        mean, std = (
            torch.tensor(each, dtype=torch.float32, device=values.device).view(1, -1, 1, 1)
            for each in (description.mean, description.std)
        )
        return (values.to(torch.float32) / 255 - mean) / std

    def normalize_array(self, values: "NDArray[Any]", description: "Description") -> "NDArray[np.float32]":
        """As `normalize`."""
        import numpy as np

        mean, std = (np.array(each, np.float32).reshape(1, -1, 1, 1) for each in (description.mean, description.std))
        return (values.astype(np.float32) / np.float32(255) - mean) / std

    def nodes(self, output: str, description: "Description", names: Iterator[str]) -> "list[NodeProto]":
        """Constants are nodes, not initializers: nothing that was learned is added."""
        import numpy as np
        from onnx import TensorProto, helper, numpy_helper

        nodes = [helper.make_node("Cast", [self.input_name], [next(names)], to=TensorProto.FLOAT)]
        for operator, values in (("Div", (255.0,)), ("Sub", description.mean), ("Div", description.std)):
            constant, result = next(names), next(names)
            array = np.array(values, np.float32)
            tensor = numpy_helper.from_array(array.reshape((-1, 1, 1) if len(values) > 1 else ()))
            nodes.insert(0, helper.make_node("Constant", [], [constant], value=tensor))
            nodes.append(helper.make_node(operator, [nodes[-1].output[0], constant], [result]))
        nodes[-1].output[0] = output
        return nodes


def _sums(images: "NDArray[np.uint8]") -> tuple["NDArray[np.uint64]", "NDArray[np.uint64]"]:
    """The sum of each channel's pixels, and of their squares."""
    import numpy as np

    totals, squares = np.zeros((2, images.shape[1]), np.uint64)
    pixels = images.reshape(*images.shape[:2], -1)
    for start in range(0, pixels.shape[2], _SUMMED):
        part = pixels[:, :, start : start + _SUMMED]
        totals += part.sum(axis=2, dtype=np.uint32).sum(axis=0, dtype=np.uint64)
        products = np.einsum("ncp,ncp->nc", part, part, dtype=np.uint32, casting="unsafe")
        squares += products.sum(axis=0, dtype=np.uint64)
    mapped.used(images)
    return totals, squares


def _levels(images: "NDArray[np.uint8]") -> "NDArray[np.int64]":
    """How many pixels have each value, int64 [256]."""
    import numpy as np

    pixels = images.reshape(-1)
    levels = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(pixels), _COUNTED):
        block = pixels[start : start + _COUNTED]
        levels += np.bincount(block, minlength=_LEVELS)
        mapped.used(block[None])
    return levels
