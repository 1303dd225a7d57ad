"""Cross-layer equalization: channels of two layers in a row are scaled so that both have weights of equal range.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", §4.1. A ReLU, or nothing,
between them lets a positive factor pass, so with r1 and r2 the largest weights of a channel in the one and the other,

    s = sqrt(r1 r2) / r2,    W1 <- W1 / s,    b1 <- b1 / s,    W2 <- W2 s

changes no output. Of three layers in a row both pairs are scaled in turn, until nothing changes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_ROUNDS, _SETTLED = 50, 1e-3


@dataclass(frozen=True)
class _Pair:
    """Two layers in a row; the output channels of the first are the input channels of the second."""

    first: onnx.NodeProto
    second: onnx.NodeProto


def equalized(model: onnx.ModelProto) -> onnx.ModelProto:
    """An equal float model whose paired layers have weights of like ranges. The argument is not changed."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    arrays = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in result.graph.initializer}
    found = _pairs(result.graph, arrays)
    for _ in range(_ROUNDS):
        factors = [_scale(pair, arrays) for pair in found]
        if all(np.abs(np.log(each)).max(initial=0) < _SETTLED for each in factors):
            break
    changed = {name for pair in found for name in (*pair.first.input[1:], pair.second.input[1])}
    for tensor in result.graph.initializer:
        if tensor.name in changed:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name].astype(np.float32), tensor.name))
    return result


def _pairs(graph: onnx.GraphProto, arrays: dict[str, np.ndarray]) -> list[_Pair]:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in graph.output}

    def only_reader(name: str) -> onnx.NodeProto | None:
        return readers[name][0] if name not in outputs and len(readers.get(name, [])) == 1 else None

    def own(node: onnx.NodeProto) -> bool:
        return _is_layer(node) and all(name in arrays and len(readers[name]) == 1 for name in node.input[1:])

    found: list[_Pair] = []
    for first in [node for node in graph.node if own(node)]:
        after = only_reader(first.output[0])
        if after is not None and after.op_type == "Relu":
            after = only_reader(after.output[0])
        if after is not None and own(after) and after.input[0] not in after.input[1:]:
            found.append(_Pair(first, after))
    return found


def _is_layer(node: onnx.NodeProto) -> bool:
    given = _attributes(node)
    plain = not given.get("transA", 0) and given.get("alpha", 1) == given.get("beta", 1) == 1
    return node.op_type in ("Conv", "Gemm") and plain


def _scale(pair: _Pair, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Scale a pair in place; the factors s, float64 [C]. A channel without a weight in one of them stays as it is."""
    outgoing = _by_output(pair.first, arrays[pair.first.input[1]])
    incoming = _by_input(pair.second, arrays[pair.second.input[1]], len(outgoing))
    r1, r2 = (np.abs(each).max(axis=1).astype(np.float64) for each in (outgoing, incoming))
    alive = (r1 > 0) & (r2 > 0)
    s = np.where(alive, np.sqrt(r1 / np.where(alive, r2, 1)), 1.0)
    first, second = pair.first.input[1], pair.second.input[1]
    arrays[first] = _placed_output(pair.first, arrays[first], 1 / s)
    if len(pair.first.input) > 2 and pair.first.input[2]:
        arrays[pair.first.input[2]] = arrays[pair.first.input[2]] / s
    arrays[second] = _placed_input(pair.second, arrays[second], s)
    return s


def _by_output(node: onnx.NodeProto, weight: np.ndarray) -> np.ndarray:
    """[output channels, the rest]."""
    return np.moveaxis(weight, _output_axis(node), 0).reshape(weight.shape[_output_axis(node)], -1)


def _by_input(node: onnx.NodeProto, weight: np.ndarray, channels: int) -> np.ndarray:
    """[input channels, the rest]; of a convolution in groups, each sees the filters of its own group alone."""
    if node.op_type == "Gemm":
        axis = 1 - _output_axis(node)
        return np.moveaxis(weight, axis, 0)
    groups = _attributes(node).get("group", 1)
    grouped = weight.reshape(groups, len(weight) // groups, channels // groups, -1)
    return grouped.transpose(0, 2, 1, 3).reshape(channels, -1)


def _placed_output(node: onnx.NodeProto, weight: np.ndarray, factors: np.ndarray) -> np.ndarray:
    shape = [1] * weight.ndim
    shape[_output_axis(node)] = -1
    return weight * factors.reshape(shape)


def _placed_input(node: onnx.NodeProto, weight: np.ndarray, factors: np.ndarray) -> np.ndarray:
    if node.op_type == "Gemm":
        return weight * (factors.reshape(1, -1) if _output_axis(node) == 0 else factors.reshape(-1, 1))
    groups = _attributes(node).get("group", 1)
    grouped = weight.reshape(groups, len(weight) // groups, len(factors) // groups, -1)
    return (grouped * factors.reshape(groups, 1, -1, 1)).reshape(weight.shape)


def _output_axis(node: onnx.NodeProto) -> int:
    return 0 if node.op_type == "Conv" or _attributes(node).get("transB", 0) else 1


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
