"""The constants of an ONNX graph, those that nodes compute of constants included, such as unpacked weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

_BYTE = 8
# What turns integers into reals and back is no constant here: it says what the integers stand for.
_SCALING = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class Constant:
    """array   as the model computes it
    bits    in which the integers of a weight are stored: 8, or fewer where nodes unpack them
    """

    array: NDArray[np.generic]
    bits: int = _BYTE


def of(model: onnx.ModelProto) -> dict[str, Constant]:
    """By name, every initializer, and every output of a node whose inputs are all constants."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    known = set(stored)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type not in _SCALING and all(name in known for name in node.input if name):
            nodes.append(node)
            known.update(node.output)
    found = {name: Constant(numpy_helper.to_array(tensor)) for name, tensor in stored.items()}
    computed = _computed(model, nodes)
    return found | {name: Constant(array, _bits(array)) for name, array in computed.items()}


def _computed(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> dict[str, NDArray[np.generic]]:
    if not nodes:
        return {}
    names = [name for node in nodes for name in node.output if name]
    used = {name for node in nodes for name in node.input}
    part = helper.make_graph(
        nodes,
        "constants",
        [],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in names],
        [tensor for tensor in model.graph.initializer if tensor.name in used],
    )
    evaluator = ReferenceEvaluator(part, opsets={each.domain: each.version for each in model.opset_import})
    return {name: np.asarray(array) for name, array in zip(names, evaluator.run(None, {}), strict=True)}


def _bits(array: NDArray[np.generic]) -> int:
    """The fewest, from 2 on, whose two's complement holds all integers of an unpacked weight."""
    if array.dtype != np.int8 or array.size == 0:
        return _BYTE
    low, high = int(array.min()), int(array.max())  # pyright: ignore[reportArgumentType]
    return max(2, 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0))


def weight_names(graph: onnx.GraphProto, constants: Mapping[str, Constant]) -> dict[str, str]:
    """By the name of each real that is made of constant integers, the name that a user knows these integers by."""
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    return {
        node.output[0]: casts.get(node.input[0], node.input[0])
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
