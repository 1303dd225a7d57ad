"""A quantized network as a float ONNX model: weights and activations take the values that their integers stand for.

Of any operator that onnxruntime has, and nothing is learned; `quantization.simulation` is the one that is trained.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from compression_ops.quantization import activations, affine, saturation
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.mapping import QuantizationMapping

# They keep the mapping of what they read.
_KEEPING = ("MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "AveragePool")
_BATCH = 64


def simulated(model: onnx.ModelProto, mapping: QuantizationMapping) -> onnx.ModelProto:
    """The float `model` with every mapped tensor rounded. The argument is not changed.

    Each tensor has its name before it is rounded. Logits are not; biases are not either.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for tensor in graph.initializer:
        if tensor.name in mapping.weights:
            tensor.CopyFrom(numpy_helper.from_array(_dequantized(tensor, mapping), tensor.name))
    narrowed = saturation.narrowed(graph, mapping.activations)
    ends = {value.name for value in graph.output}
    rounded: dict[str, str] = {}
    known: dict[str, Affine] = {}
    nodes = list(graph.node)
    del graph.node[:]
    for name in [value.name for value in graph.input if value.name in narrowed]:
        known[name] = narrowed[name]
        _append_rounding(graph, name, narrowed[name], rounded)
    for node in nodes:
        node.input[:] = [rounded.get(name, name) for name in node.input]
        graph.node.append(node)
        for name in node.output:
            source = next((old for old, new in rounded.items() if new == node.input[0]), None) if node.input else None
            kept = known.get(source or "") if node.op_type in _KEEPING else None
            if name in narrowed and name not in ends:
                known[name] = kept or narrowed[name]
                _append_rounding(graph, name, known[name], rounded)
    return result


def values(model: onnx.ModelProto, names: Collection[str], inputs: np.ndarray) -> dict[str, np.ndarray]:
    """float32 tensors of a model by name, over all of `inputs` [N, ...]; only what they need is computed."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    last = max((i for i, node in enumerate(cut.graph.node) if set(node.output) & set(names)), default=-1)
    del cut.graph.node[last + 1 :]
    del cut.graph.output[:]
    asked = [name for name in names if name != cut.graph.input[0].name]
    cut.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in asked)
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    running = activations.session(cut) if asked else None
    for start in range(0, len(inputs), _BATCH):
        batch = inputs[start : start + _BATCH]
        computed = running.run(asked, {cut.graph.input[0].name: batch}) if running else []
        each = {cut.graph.input[0].name: batch, **dict(zip(asked, map(np.asarray, computed), strict=True))}
        for name in names:
            found[name].append(each[name])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def products(model: onnx.ModelProto, mapping: QuantizationMapping) -> Iterator[tuple[onnx.NodeProto, str]]:
    """The convolutions and linear layers whose weight is quantized, in the order of computation, with its name."""
    readers = [name for node in model.graph.node for name in node.input]
    for node in model.graph.node:
        attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        plain = not attributes.get("transA", 0) and attributes.get("alpha", 1) == attributes.get("beta", 1) == 1
        # A weight of two layers is no single layer's to change.
        own = len(node.input) > 1 and readers.count(node.input[1]) == 1 and node.input[1] in mapping.weights
        if node.op_type in ("Conv", "Gemm") and plain and own:
            yield node, node.input[1]


def _dequantized(tensor: onnx.TensorProto, mapping: QuantizationMapping) -> np.ndarray:
    steps = mapping.weights[tensor.name]
    weight = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    integers = mapping.rounded.get(tensor.name)
    return affine.dequantize(affine.quantize(weight, steps) if integers is None else integers, steps).numpy()


def _append_rounding(graph: onnx.GraphProto, name: str, steps: Affine, rounded: dict[str, str]) -> None:
    zero_point = int(steps.zero_point)
    bounds = {"low": steps.integers.low - zero_point, "high": steps.integers.high - zero_point}
    constants: Mapping[str, float] = {"scale": float(steps.scale), **bounds}
    for word, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{name}@{word}"))
    at = {word: f"{name}@{word}" for word in ("scale", "low", "high", "divided", "round", "clipped", "rounded")}
    graph.node.extend(
        [
            helper.make_node("Div", [name, at["scale"]], [at["divided"]]),
            helper.make_node("Round", [at["divided"]], [at["round"]]),
            helper.make_node("Clip", [at["round"], at["low"], at["high"]], [at["clipped"]]),
            helper.make_node("Mul", [at["clipped"], at["scale"]], [at["rounded"]]),
        ]
    )
    rounded[name] = at["rounded"]
