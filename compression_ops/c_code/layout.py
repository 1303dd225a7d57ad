"""Where the tensors of a program lie in one static buffer, and how each convolution goes through its weights.

A tensor that a convolution pads has its padding around it. Two tensors share bytes where none is needed while the other
is.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code import packing
from compression_ops.c_code.program import SAMPLE, Convolution, Program, Reading, Tensor, Window, sources

# A loop over a row of weights goes in vectors of 64 bytes, and what is left in one of 32.
_VECTOR, _SMALLER = 64, (0, 32)
# Up to so many weights an output, adding up the parts of a vector costs more than the products.
_SHORT = 16
_SUMS, _SUMS_OF_ONE_PLACE = 256, 64
_UNPACKED = 8192  # bytes of weights at a time
_WORD = 4


@dataclass(frozen=True)
class Place:
    """A tensor in the buffer.

    offset   of its first byte
    before   paddings above and left
    after    below and right
    """

    tensor: Tensor
    offset: int
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def row(self) -> int:
        """Bytes from one row to the next."""
        return (self.before[1] + self.tensor.width + self.after[1]) * self.tensor.channels

    @property
    def size(self) -> int:
        """All of its bytes."""
        return (self.before[0] + self.tensor.height + self.after[0]) * self.row

    def origin(self, above: int = 0, left: int = 0) -> int:
        """From its first byte to the place so far above and left of its first pixel."""
        return (self.before[0] - above) * self.row + (self.before[1] - left) * self.tensor.channels

    @property
    def is_padded(self) -> bool:
        """Whether there is anything around it."""
        return any((*self.before, *self.after))


@dataclass(frozen=True)
class Weights:
    """How a convolution is computed.

    by_input   the weights of all filters for one input lie side by side, for vectors of filters; otherwise those of
               one filter lie in a row, as the window does that they are multiplied with
    length     integers of one row of weights, zeros at its end
    rows       uint8 or int8 [N, …], as stored
    block      filters at a time
    patches    bytes of the windows that are copied before; 0 where the tensor has them in a row
    unpacked   bytes of the weights that are unpacked at a time
    """

    by_input: bool
    length: int
    rows: NDArray[np.generic]
    block: int
    patches: int
    unpacked: int


@dataclass(frozen=True)
class Layout:
    """places    by the index of each tensor that is in use
    weights   by the position of each convolution
    scratch   by its position, the offset of the bytes that it needs for itself
    ram_bytes of the whole buffer
    """

    places: dict[int, Place]
    weights: dict[int, Weights]
    scratch: dict[int, int]
    ram_bytes: int


def laid_out(program: Program) -> Layout:
    """The same for the same program: largest first, each at the lowest offset that is free as long as it is needed."""
    places = {index: _padded(program, index) for index in _used(program)}
    weights = {
        at: stored(each, places[each.source])
        for at, each in enumerate(program.operations)
        if isinstance(each, Convolution)
    }
    wanted = [(place.size, *_life(program, index), ("tensor", index)) for index, place in places.items()]
    wanted += [(each.patches + each.unpacked, at, at, ("scratch", at)) for at, each in weights.items()]
    reading = {at: each.scratch for at, each in enumerate(program.operations) if isinstance(each, Reading)}
    wanted += [(size, at, at, ("scratch", at)) for at, size in reading.items()]
    unit = _WORD if any(reading.values()) else 1  # of all sizes, so that every offset is one of int32
    wanted = [(_multiple(size, unit), first, last, name) for size, first, last, name in wanted]
    taken: list[tuple[int, int, int, int]] = []
    offsets: dict[tuple[str, int], int] = {}
    for size, first, last, name in sorted((each for each in wanted if each[0]), key=lambda each: (-each[0], each[3])):
        offset = 0
        for start, end, since, until in sorted(taken):
            if since <= last and first <= until and start < offset + size and offset < end:
                offset = end
        taken.append((offset, offset + size, first, last))
        offsets[name] = offset
    # A row of weights is as long as vectors are; what lies behind a window is multiplied by its zeros.
    ram = max((end for _, end, _, _ in taken), default=0) + _VECTOR
    return Layout(
        {
            index: Place(place.tensor, offsets["tensor", index], place.before, place.after)
            for index, place in places.items()
        },
        weights,
        {at: offsets["scratch", at] for at in range(len(program.operations)) if ("scratch", at) in offsets},
        ram,
    )


def stored(layer: Convolution, place: Place) -> Weights:
    """The weights of a convolution as they lie in C, and how it goes through them."""
    filters, rows, columns, channels = layer.weights.shape
    inputs = rows * columns * channels
    depthwise = channels == 1 and layer.groups == filters
    if depthwise or (layer.groups == 1 and inputs <= _SHORT):
        by_input = np.moveaxis(layer.weights, 0, -1)
        flat = by_input.reshape(1, -1)
        length = _multiple(flat.shape[1], packing.MULTIPLE) if layer.bits < packing.BYTE else flat.shape[1]
        return Weights(True, length, _bytes(flat, length, layer.bits), filters, 0, _unpacked(length, layer.bits))
    length = _vectors(inputs)
    _, places_across = layer.window.positions(place.tensor.height, place.tensor.width)
    direct = is_in_a_row(layer.window, layer.groups, place, places_across)
    block = _block(filters // layer.groups, _SUMS_OF_ONE_PLACE if direct else _SUMS, length, layer.bits)
    return Weights(
        False,
        length,
        _bytes(layer.weights.reshape(filters, -1), length, layer.bits),
        block,
        0 if direct else places_across * length,
        _unpacked(block * length, layer.bits),
    )


def is_in_a_row(window: Window, groups: int, place: Place, places_across: int) -> bool:
    """Whether the bytes under a window follow each other in the buffer."""
    is_a_point = window.size == (1, 1)
    is_all = places_across == 1 and window.size[1] * place.tensor.channels == place.row and window.dilations == (1, 1)
    return groups == 1 and (is_a_point or is_all)


def _used(program: Program) -> list[int]:
    found = {each.target for each in program.operations} - {None}
    return sorted(index for index in found if index is not None)


def _padded(program: Program, index: int) -> Place:
    windows = [each.window for each in program.operations if isinstance(each, Convolution) and each.source == index]
    before, after = (
        tuple(max((getattr(window, side)[axis] for window in windows), default=0) for axis in (0, 1))
        for side in ("before", "after")
    )
    return Place(program.tensors[index], 0, (before[0], before[1]), (after[0], after[1]))


def _life(program: Program, index: int) -> tuple[int, int]:
    made = next(at for at, each in enumerate(program.operations) if each.target == index)
    read = [at for at, each in enumerate(program.operations) if index != SAMPLE and index in sources(each)]
    return made, max([made, *read])


def _bytes(rows: NDArray[np.int8], length: int, bits: int) -> NDArray[np.generic]:
    padded = np.pad(rows, ((0, 0), (0, length - rows.shape[1])))
    return packing.packed(padded, bits) if bits < packing.BYTE else padded


def _unpacked(count: int, bits: int) -> int:
    return count if bits < packing.BYTE else 0


def _block(filters: int, sums: int, length: int, bits: int) -> int:
    """The largest divisor of `filters` whose sums, and unpacked weights, are not too many at a time."""
    most = min(sums, max(1, _UNPACKED // length)) if bits < packing.BYTE else sums
    return max(count for count in range(1, min(filters, most) + 1) if filters % count == 0)


def _vectors(count: int) -> int:
    rest = count % _VECTOR
    return count - rest + next((size for size in _SMALLER if rest <= size), _VECTOR)


def _multiple(count: int, of: int) -> int:
    return math.ceil(count / of) * of
