"""Functions of one byte, which become tables of 256: normalization of pixels, Relu and its like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from compression_ops.c_code.building import Building, Integers, Real, Value, refused
from compression_ops.c_code.program import SAMPLE, Table, Tensor

_Function = Callable[[NDArray[np.float32], Mapping[str, Any]], NDArray[np.float32]]
_Binary = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
_FUNCTIONS: dict[str, _Function] = {
    "Cast": lambda x, _: x,
    "Relu": lambda x, _: np.maximum(x, np.float32(0)),
    "LeakyRelu": lambda x, given: np.where(x < 0, np.float32(given.get("alpha", 0.01)) * x, x),
    "Sigmoid": lambda x, _: (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32),
}
_ARITHMETIC: dict[str, _Binary] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


def applied(
    building: Building, node: onnx.NodeProto, attributes: Mapping[str, Any], label: str, given: Sequence[Value | None]
) -> Real:
    """A function of one real, or its sum, product and so on with constants. Raises ModelError for any other node."""
    real = next((each for each in given if isinstance(each, Real)), None)
    if real is None:
        raise refused(building, label, "computes in float" if given else "has no form in C")
    if node.op_type in _FUNCTIONS:
        return _of(real, _FUNCTIONS[node.op_type](real.values, attributes))
    if node.op_type == "Clip":
        low, high = (_bound(building, node, place, attributes, label) for place in (1, 2))
        return _of(real, np.clip(real.values, low, high))
    if node.op_type in _ARITHMETIC and len(given) == 2 and sum(isinstance(each, Real) for each in given) == 1:
        operands = [
            each.values if isinstance(each, Real) else _operand(building, real, name, label)
            for each, name in zip(given, node.input, strict=True)
        ]
        return _of(real, _ARITHMETIC[node.op_type](*operands).astype(np.float32))
    raise refused(building, label, "has no form in C")


def clipped(building: Building, node: onnx.NodeProto, label: str, given: Integers) -> Integers:
    """The integers of a tensor, limited: what a Relu, or fewer bits of an activation, have become."""
    names = [*node.input[1:3], "", ""]
    low, high = (
        int(building.array(name, label).item()) if name else end for name, end in zip(names[:2], (0, 255), strict=True)
    )
    tensor = building.tensors[given.tensor]
    limits = np.clip(np.arange(256), low, high).astype(np.uint8)[None]
    target = table(building, given.tensor, limits, (tensor.scale, tensor.zero_point), label)
    return Integers(target, given.flat, given.by_place)


def table(building: Building, source: int, tables: NDArray[np.uint8], to: tuple[float, int], label: str) -> int:
    """Add the operation: the tensor of its result, of that scale and zero point."""
    if source == SAMPLE:
        channels, height, width = building.description.shape
    else:
        height, width, channels = building.tensors[source].shape
        tables = tables[:, : building.tensors[source].high + 1]
    target = building.tensor(Tensor(channels, height, width, *to, high=int(tables.max())))
    full = np.pad(tables, ((0, 0), (0, 256 - tables.shape[1])), mode="edge")
    building.add(Table(label, source, target, full))
    return target


def _of(real: Real, values: NDArray[np.float32]) -> Real:
    return Real(real.tensor, values, flat=real.flat, by_place=real.by_place)


def _bound(building: Building, node: onnx.NodeProto, place: int, attributes: Mapping[str, Any], label: str) -> float:
    name = node.input[place] if len(node.input) > place else ""
    usual = attributes.get(("min", "max")[place - 1], (-np.inf, np.inf)[place - 1])
    return float(building.array(name, label).item()) if name else float(usual)


def _operand(building: Building, real: Real, name: str, label: str) -> NDArray[np.float32]:
    """A constant of one value, or of one a channel, as [1, 1] or [channels, 1]."""
    array = building.array(name, label)
    if array.size == 1:
        return array.astype(np.float32).reshape(1, 1)
    channels = building.description.shape[0] if real.tensor == SAMPLE else building.tensors[real.tensor].channels
    if array.shape[-3:] != (channels, 1, 1) or array.size != channels or real.flat or real.by_place:
        raise refused(
            building, label, f"has a constant of shape {list(array.shape)}; allowed is one value, or one a channel"
        )
    return array.astype(np.float32).reshape(channels, 1)
