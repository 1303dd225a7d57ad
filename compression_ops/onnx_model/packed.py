"""Integers of 2 to 7 bits in an ONNX file, as many bits as they have, and the operators that unpack them.

ONNX has no type of most of these widths, and none of them before opset 21. Stored are bits, unpacked by operators of
opset 13, which onnxruntime folds when a session loads: it sees 8-bit weights then, and runs its integer kernels.

All N integers of a width, padded to 8n, are one uint8 tensor [n, bits]: bit k of its byte [i, j] is bit j of the
integer k n + i, in two's complement or unsigned. With shifts by 7 - k to the left and by 7 to the right, [8, n, bits],
each bit is a number of its own; their product with the weights of the bits, 1, 2, 4, … and the negative one of the
sign, if there is one, is the integers. These are then split by tensor.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_BYTE = 8


def store(graph: onnx.GraphProto, bits: int, names: list[str]) -> None:
    """Replace the initializers of these names by one packed one; nodes compute tensors of the same names from it.

    All are int8, or all uint8. Raises ValueError where one holds an integer that so many bits cannot hold.
    """
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    arrays = [numpy_helper.to_array(tensors[name]) for name in names]
    flat = np.concatenate([array.ravel() for array in arrays])
    signed = flat.dtype == np.int8
    low = -(2 ** (bits - 1)) if signed else 0
    if flat.size and not low <= int(flat.min()) <= int(flat.max()) < low + 2**bits:
        raise ValueError(f"integers of {int(flat.min())} to {int(flat.max())} do not fit {bits} bits")
    for name in names:
        graph.initializer.remove(tensors[name])
    buffer = f"weights_{bits}_bits" if signed else f"tables_{bits}_bits"
    graph.initializer.append(numpy_helper.from_array(packed(flat, bits), buffer))
    nodes = _unpacking(buffer, bits, signed, {name: array.shape for name, array in zip(names, arrays, strict=True)})
    for position, node in enumerate(nodes):
        graph.node.insert(position, node)


def packed(values: np.ndarray, bits: int) -> np.ndarray:
    """int8 or uint8 [N] -> uint8 [ceil(N / 8), bits], the highest bits of each integer left out."""
    count = -(-len(values) // _BYTE)
    padded = np.zeros(_BYTE * count, values.dtype)
    padded[: len(values)] = values
    each_bit = padded.view(np.uint8).reshape(_BYTE, count, 1) >> np.arange(bits, dtype=np.uint8) & 1
    return np.bitwise_or.reduce(each_bit << np.arange(_BYTE, dtype=np.uint8).reshape(-1, 1, 1), axis=0)


def stored(graph: onnx.GraphProto) -> dict[str, int]:
    """How many integers each packed initializer of a graph holds, by its name."""
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    initializers = {tensor.name for tensor in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    found: dict[str, int] = {}
    for first in graph.node:
        if first.op_type == "BitShift" and first.input[0] in initializers:
            node: onnx.NodeProto | None = first
            while node is not None and node.op_type != "Split":
                node = readers.get(node.output[0])
            if node is not None:
                sizes = helper.get_attribute_value(constants[node.input[1]].attribute[0])
                found[first.input[0]] = sum(
                    size for size, name in zip(sizes, node.output, strict=True) if name in readers
                )
    return found


def _unpacking(buffer: str, bits: int, signed: bool, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[onnx.NodeProto]:
    sizes = [math.prod(shape) for shape in shapes.values()]
    padding = -sum(sizes) % _BYTE
    left, right = f"{buffer}_left", f"{buffer}_right"
    yield _constant(left, value=_BYTE - 1 - np.arange(_BYTE, dtype=np.uint8).reshape(-1, 1, 1))
    yield _constant(right, value=np.array(_BYTE - 1, np.uint8))
    worth = 2 ** np.arange(bits)
    worth[-1] *= -1 if signed else 1
    worth = worth.astype(np.int8).reshape(-1, 1)
    yield _constant(f"{buffer}_worth", value=worth)
    yield helper.make_node("BitShift", [buffer, left], [f"{buffer}_shifted"], direction="LEFT")
    yield helper.make_node("BitShift", [f"{buffer}_shifted", right], [f"{buffer}_bits"], direction="RIGHT")
    yield helper.make_node("MatMulInteger", [f"{buffer}_bits", f"{buffer}_worth"], [f"{buffer}_sums"])
    byte = TensorProto.INT8 if signed else TensorProto.UINT8
    yield helper.make_node("Cast", [f"{buffer}_sums"], [f"{buffer}_int8"], to=byte)
    yield helper.make_node("Flatten", [f"{buffer}_int8"], [f"{buffer}_flat"], axis=0)
    yield _constant(f"{buffer}_sizes", value_ints=[*sizes, *([padding] if padding else [])])
    parts = [*(f"{name}_flat" for name in shapes), *([f"{buffer}_padding"] if padding else [])]
    yield helper.make_node("Split", [f"{buffer}_flat", f"{buffer}_sizes"], parts, axis=1)
    for name, shape in shapes.items():
        yield _constant(f"{name}_shape", value_ints=shape)
        yield helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [name])


def _constant(name: str, **value: Any) -> onnx.NodeProto:
    """A node, not an initializer: nothing that was learned."""
    attributes: dict[str, Any] = {
        key: numpy_helper.from_array(each) if isinstance(each, np.ndarray) else each for key, each in value.items()
    }
    return helper.make_node("Constant", [], [name], **attributes)
