"""Texts: ids of words, by which a network looks up rows in a table of bytes, and divides by the number of words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray

from compression_ops.c_code import fixed_point
from compression_ops.c_code.building import Building, Ids, OfCount, Pending, Real, Value, Weight, quantized, refused
from compression_ops.c_code.inputs.taken import Integers, Taken
from compression_ops.c_code.layout import Place
from compression_ops.c_code.program import Division, Reading, Tensor
from compression_ops.c_code.text import array, border, function, loop

if TYPE_CHECKING:
    from compression_ops.data.modalities.tokens import Tokens

_BYTE = 8
_ANY = Ids(-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Rows(Reading):
    """Of each id, limited to low and high, its row of a table: target[0, place, c] = table[id, c].

    table  uint8 [ids, channels]
    bits   of each of its integers, in which they are stored, a row in whole bytes, lowest bits first
    """

    low: int
    high: int
    table: NDArray[np.uint8]
    bits: int

    @property
    def requantizes(self) -> bool:
        return False

    @property
    def weight_bytes(self) -> int:
        return self._stored().size

    def computed(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.table[np.clip(samples, self.low, self.high)][:, None].astype(np.int64)

    def printed(self, position: int, target: Place) -> Sequence[str]:
        stored, channels = self._stored(), self.table.shape[1]
        pixel = f"target[{target.origin()} + place * {channels} + c]"
        stride = _stride(channels, self.bits)
        if self.bits == _BYTE:
            values = loop("c", channels, [f"{pixel} = row[c];"])
        else:
            value = f"(row[at >> 3] | row[(at >> 3) + 1] << 8) >> (at & 7) & {2**self.bits - 1}"
            at = f"const int at = c * {self.bits};"
            values = loop("c", channels, [at, f"{pixel} = (uint8_t)({value});"])
        body = [
            f"const int32_t id = tokens[place] < {self.low} ? {self.low} : tokens[place];",
            f"const uint8_t *row = table_{position} + (id > {self.high} ? {self.high} : id) * {stride};",
            *values,
        ]
        head = f"static void layer_{position}(const int32_t *restrict tokens, uint8_t *restrict target)"
        constants = array(f"uint8_t table_{position}[{stored.size}]", stored.tolist())
        return [*constants, *function(head, [*border(target), *loop("place", target.tensor.width, body)])]

    def _stored(self) -> NDArray[np.uint8]:
        """uint8 [bytes]; of fewer bits one more, which is read with the last."""
        if self.bits == _BYTE:
            return self.table.reshape(-1)
        each = np.unpackbits(self.table[..., None], axis=2, count=self.bits, bitorder="little")
        rows = np.packbits(each.reshape(len(self.table), -1), axis=1, bitorder="little")
        return np.append(rows.reshape(-1), np.uint8(0))


def begin(building: Building) -> Ids:
    """The ids."""
    (length,) = building.description.shape
    tokens = cast("Tokens", building.description.modality)
    notes = (
        f"What it takes of a text is {length} ids, each an int32_t: {tokens.raw}.",
        f"There are {tokens.size}, from 0 on; of another one the nearest is taken.",
    )
    constants = {"WORDS": str(length), "IDS": str(tokens.size)}
    words = f"tokens [{length}], the ids of a text's words, 0 after its end"
    building.taken = Taken(Integers("int64", "int32"), "tokens", (length,), constants, words, notes)
    return _ANY


def of_ids(building: Building, node: onnx.NodeProto, label: str, given: Ids) -> Value:
    """Ids as another type, limited, or the share of places that hold a word."""
    if node.op_type == "Cast":
        return given
    if node.op_type == "Clip":
        low, high = (_bound(building, node, place, label) for place in (1, 2))
        ends = (given.low if low is None else round(low)), (given.high if high is None else round(high))
        return Ids(*(int(np.clip(end, *ends)) for end in (given.low, given.high)))
    if node.op_type == "ReduceMean" and (given.low, given.high) == (0, 1) and _axes(building, node, label) == [1]:
        (length,) = building.description.shape
        return OfCount(np.arange(length + 1, dtype=np.float32) / np.float32(length))
    raise refused(building, label, "computes with the ids of words")


def of_count(building: Building, node: onnx.NodeProto, label: str, given: Sequence[Value | None]) -> Value:
    """A limit of what depends on the number of words, or a tensor divided by it."""
    first, second = (*given, None)[:2]
    if node.op_type == "Clip" and isinstance(first, OfCount):
        low, high = (_bound(building, node, place, label) for place in (1, 2))
        return OfCount(np.clip(first.values, low, high))
    match node.op_type, first, second:
        case "Div", Real(plain=True, flat=True), OfCount() if float(second.values.min()) > 0:
            return _divided(building, label, first, second)
        case _:
            pass
    raise refused(building, label, "computes with the number of words")


def rows(building: Building, attributes: Mapping[str, Any], label: str, table: Weight, given: Ids) -> Value:
    """The rows of a quantized table that ids pick, which await their scale."""
    if table.integers.ndim != 2 or table.scales.size != 1 or attributes.get("axis", 0):
        raise refused(building, label, "picks of what is no quantized table of rows with one scale")
    if not 0 <= given.low <= given.high < len(table.integers):
        raise refused(building, label, f"picks rows from {given.low} to {given.high} of {len(table.integers)}")
    reals = table.integers.astype(np.float32) * table.scales.reshape(())

    def finish(scale: float, zero_point: int) -> int:
        stored = quantized(reals, scale, zero_point)
        (length,), channels = building.description.shape, stored.shape[1]
        high = int(stored.max())
        target = building.tensor(Tensor(channels, 1, length, scale, zero_point, high))
        building.add(Rows(label, target, given.low, given.high, stored, max(1, high.bit_length())))
        return target

    return Pending(label, finish, by_place=True)


def _divided(building: Building, label: str, given: Real, by: OfCount) -> Pending:
    source = building.tensors[given.tensor]

    def finish(scale: float, zero_point: int) -> int:
        factors = source.scale / (scale * by.values.astype(np.float64))
        output = fixed_point.requantization(factors, zero_point, label)
        target = building.tensor(Tensor(source.channels, source.height, source.width, scale, zero_point))
        building.add(Division(label, given.tensor, target, source.zero_point, output))
        return target

    return Pending(label, finish, flat=given.flat)


def _bound(building: Building, node: onnx.NodeProto, place: int, label: str) -> float | None:
    name = node.input[place] if len(node.input) > place else ""
    return float(building.array(name, label).item()) if name else None


def _axes(building: Building, node: onnx.NodeProto, label: str) -> list[int]:
    """An attribute before opset 18, an input since."""
    stated = next((list(each.ints) for each in node.attribute if each.name == "axes"), None)
    if stated is None and len(node.input) > 1:
        stated = [int(each) for each in building.array(node.input[1], label).reshape(-1)]
    return stated or []


def _stride(channels: int, bits: int) -> int:
    return math.ceil(channels * bits / _BYTE)
