"""Which Relu and Clip nodes a quantized range performs by itself, so that no node is left of them.

A quantized tensor takes no value outside the range of its integers: writing a convolution's sums straight into the
integers of the ReLU behind it *is* that ReLU, if the range begins at 0. A Clip at 0.3 or at -0.1 is not performed so,
since every range contains 0; nor is any whose range was learned to be wider than its bounds.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compression_ops.quantization.affine import Affine
from compression_ops.quantization.mapping import tables

OPERATORS = ("Relu", "Clip")
# They select or move values and compute none, so limiting what they read is the same as limiting what they give.
_MOVING = ("MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze")
# An end of the range that is rounded to a step may lie half a step beyond the bound, and a float's error more.
_HALF_A_STEP = 0.5 * (1 + 1e-3)


@dataclass(frozen=True)
class Bounds:
    """What a Relu or Clip limits its values to."""

    low: float
    high: float


def constants(graph: onnx.GraphProto) -> dict[str, float]:
    """The scalars of a graph, whether they are initializers or Constant nodes."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            if "value_float" in values:
                tensors[node.output[0]] = numpy_helper.from_array(np.array(values["value_float"], np.float32))
            elif "value" in values:
                tensors[node.output[0]] = values["value"]
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items() if math.prod(tensor.dims) == 1}
    return {name: float(array.item()) for name, array in arrays.items() if array.dtype.kind == "f"}


def bounds(node: onnx.NodeProto, constants: Mapping[str, float]) -> Bounds | None:
    """The bounds of a Relu or Clip, given the graph's constants; None where they are computed, or cross."""
    if node.op_type == "Relu":
        return Bounds(0.0, math.inf)
    attributes = {attribute.name: float(helper.get_attribute_value(attribute)) for attribute in node.attribute}
    low, high = attributes.get("min", -math.inf), attributes.get("max", math.inf)  # as up to opset 10
    given = [*node.input[1:3], "", ""]
    if any(name and name not in constants for name in given):
        return None
    low, high = constants.get(given[0], low), constants.get(given[1], high)
    return Bounds(low, high) if low <= high else None


def performed(bounds: Bounds, affine: Affine) -> bool:
    """Whether no integer of the range stands for a value more than half a step outside of the bounds."""
    if affine.axis is not None:
        return False
    scale, zero_point = float(affine.scale), int(affine.zero_point)
    low, high = (affine.integers.low - zero_point) * scale, (affine.integers.high - zero_point) * scale
    return low >= bounds.low - _HALF_A_STEP * scale and high <= bounds.high + _HALF_A_STEP * scale


def kept(graph: onnx.GraphProto, activations: Mapping[str, Affine]) -> frozenset[str]:
    """The outputs of the Relu and Clip nodes that the range of their output does not perform, or that read a table's
    rows, which keep its integers.
    """
    saturating, known, picked = set[str](), constants(graph), _rows(graph)
    for node in graph.node:
        if node.op_type in OPERATORS and node.input[0] in picked:
            saturating.add(node.output[0])
        elif node.op_type in OPERATORS and node.output[0] in activations:
            limits = bounds(node, known)
            if limits is None or not performed(limits, activations[node.output[0]]):
                saturating.add(node.output[0])
    return frozenset(saturating)


def narrowed(graph: onnx.GraphProto, activations: Mapping[str, Affine]) -> dict[str, Affine]:
    """`activations`, but what only a Relu or Clip reads takes the range of that node's output.

    What the node cuts off needs no integers: the steps get finer, and values inside the range pass unchanged.
    """
    taken = taking(graph, activations)
    return {name: activations[taken.get(name, name)] for name in activations}


def taking(graph: onnx.GraphProto, mapped: Collection[str]) -> dict[str, str]:
    """The tensors that take the range of another, and whose: see `narrowed`."""
    taken: dict[str, str] = {}
    readers = Counter(name for node in graph.node for name in node.input)
    shared = {value.name for value in (*graph.input, *graph.output)} | _rows(graph)
    for node in reversed(graph.node):
        if node.op_type in OPERATORS or (node.op_type in _MOVING and node.output[0] in taken):
            source, target = node.input[0], node.output[0]
            if readers[source] == 1 and source not in shared and source in mapped and target in mapped:
                taken[source] = taken.get(target, target)
    return taken


def _rows(graph: onnx.GraphProto) -> set[str]:
    """The rows of tables, wherever they were only moved since they were picked."""
    picked = {*tables(graph)}
    for node in graph.node:
        if node.op_type in _MOVING and node.input[0] in picked:
            picked.update(node.output)
    return picked


def at_the_output(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The Relu and Clip nodes that the logits pass last, if any, from the output backwards."""
    producers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        node = producers.get(output.name)
        while node is not None and node.op_type in OPERATORS:
            yield node
            node = producers.get(node.input[0])
