"""What a quantized student computes, in integers alone: the one thing that the C printer and the reference share.

Tensors are bytes, unsigned; the integer q of a tensor stands for (q - zero_point) · scale. Products are summed in 32
bits and brought to the scale of the result by a multiplication and a shift (Jacob et al. 2018, "Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", §2.2).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code.inputs.taken import Taken
from compression_ops.data.dataset import Description

if TYPE_CHECKING:
    from compression_ops.c_code.layout import Place

SAMPLE = -1  # the source of what reads the sample itself


@dataclass(frozen=True)
class Tensor:
    """Bytes [height, width, channels], channels last.

    scale       of its integers, by which the multipliers were made; nothing computes with it
    zero_point  the integer of 0.0, which a padding holds
    high        the largest integer that it takes
    """

    channels: int
    height: int
    width: int
    scale: float
    zero_point: int
    high: int = 255

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels


@dataclass(frozen=True)
class Requantization:
    """From sums to bytes: clamp(⌊(sum · multiplier + offset) / 2^shift⌋, low, high), in 64 bits.

    multipliers  int64 [channels], each from 0 to 2^31 - 1
    offset       the zero point and a half, times 2^shift
    """

    multipliers: NDArray[np.int64]
    shift: int
    offset: int
    low: int = 0
    high: int = 255


@dataclass(frozen=True)
class LogitScale:
    """From sums to logits: ⌊(sum · multiplier) / 2^shift + ½⌋.

    multipliers  int64 [classes], each from 0 to 2^30
    """

    multipliers: NDArray[np.int64]
    shift: int


@dataclass(frozen=True)
class Table:
    """target[y, x, c] = tables[c, source[y, x, c]].

    tables  uint8 [channels, 256], or [1, 256] for all channels
    """

    layer: str
    source: int
    target: int
    tables: NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """Where a kernel is laid: its size, steps and paddings, each (vertical, horizontal).

    before, after  paddings above and left, below and right
    """

    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    dilations: tuple[int, int] = (1, 1)

    def positions(self, height: int, width: int) -> tuple[int, int]:
        """How many there are on an image of that size."""
        rows, columns = (
            (side + self.before[i] + self.after[i] - self.dilations[i] * (self.size[i] - 1) - 1) // self.strides[i] + 1
            for i, side in enumerate((height, width))
        )
        return rows, columns


@dataclass(frozen=True)
class Convolution:
    """sum[o] = bias[o] + Σ source · weights[o]; a linear layer is one whose kernel is as large as the image.

    target   None for the last layer, whose sums become logits
    weights  int8 [filters, rows, columns, channels / groups]
    bits     of each weight, in which it is stored
    bias     int64 [filters], of 32 bits; what the zero point of the source adds is taken off in it
    """

    layer: str
    source: int
    target: int | None
    window: Window
    groups: int
    weights: NDArray[np.int8]
    bits: int
    bias: NDArray[np.int64]
    output: Requantization | LogitScale


@dataclass(frozen=True)
class MaxPool:
    """The largest integer of each window; paddings don't count."""

    layer: str
    source: int
    target: int
    window: Window


@dataclass(frozen=True)
class AveragePool:
    """The sum over each window, plus bias, to bytes by `output`, whose only multiplier holds for all channels."""

    layer: str
    source: int
    target: int
    window: Window
    bias: int
    output: Requantization


@dataclass(frozen=True)
class Addition:
    """clamp(⌊(first · multipliers[0] + second · multipliers[1] + offset) / 2^shift⌋, low, high), all in 32 bits."""

    layer: str
    first: int
    second: int
    target: int
    multipliers: tuple[int, int]
    shift: int
    offset: int
    low: int = 0
    high: int = 255


@dataclass(frozen=True)
class Joining:
    """The channels of several tensors of one size and one scale, behind each other."""

    layer: str
    joined: tuple[int, ...]
    target: int


@dataclass(frozen=True)
class Reading(ABC):
    """The first operation on samples that are no images: the bytes of a tensor of them. One module a kind, in `inputs`.

    target  [height, width, channels]
    """

    layer: str
    target: int

    @property
    def source(self) -> int:
        """The sample itself."""
        return SAMPLE

    @property
    def scratch(self) -> int:
        """Bytes of int32 that it needs for itself."""
        return 0

    @property
    def requantizes(self) -> bool:
        """Whether its C function calls `requantized`."""
        return True

    @property
    def weight_bytes(self) -> int:
        """Of weights that it holds."""
        return 0

    @property
    def constant_bytes(self) -> int:
        """Of its other constants."""
        return 0

    @abstractmethod
    def computed(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """By NumPy, as in C: what `Taken.of` gave, [N, count], -> [N, height, width, channels]."""

    @abstractmethod
    def printed(self, position: int, target: "Place") -> Sequence[str]:
        """The C function `layer_<position>`, of the sample, the target and, where it needs any, the scratch."""


@dataclass(frozen=True)
class Division:
    """Each byte, less the zero point, times the multiplier of a text's number of words.

    multipliers of `output`  of 0, 1, … words: ids that are not 0
    """

    layer: str
    source: int
    target: int
    zero_point: int
    output: Requantization


Operation = Table | Convolution | MaxPool | AveragePool | Addition | Joining | Reading | Division


@dataclass(frozen=True)
class Program:
    """The operations in their order; the last one gives the logits.

    tensors        by their index, which no two operations write
    taken          what the C function takes of a sample
    fraction_bits  of the logits, int32: the integer v stands for v / 2^fraction_bits
    digest         SHA-256 of the ONNX model without its metadata
    """

    operations: tuple[Operation, ...]
    tensors: tuple[Tensor, ...]
    description: Description
    taken: Taken
    fraction_bits: int
    digest: str


def sources(operation: Operation) -> tuple[int, ...]:
    """The tensors that it reads, one that it reads twice named twice."""
    if isinstance(operation, Addition):
        return operation.first, operation.second
    if isinstance(operation, Joining):
        return operation.joined
    if isinstance(operation, Division):
        return operation.source, SAMPLE
    return (operation.source,)
