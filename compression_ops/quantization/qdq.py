"""A float ONNX model and a mapping as an integer model: QDQ form, for onnxruntime's integer kernels."""

import logging
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorData, TensorsData

from compression_ops.errors import ModelError
from compression_ops.quantization import integer_graph, integer_kernels, saturation
from compression_ops.quantization.affine import Affine, Integers, dequantize, quantize
from compression_ops.quantization.mapping import QuantizationMapping, tables

# Operators that onnxruntime's CPU runs on integers in QDQ form; around any other, conversions would cost and not pay.
_OPERATORS = [
    *("Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "Relu", "Clip", "LeakyRelu", "Sigmoid"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze"),
    "Gather",
]
# How many of their inputs are operands; the others are biases, bounds and shapes. All inputs of any other operator are.
_KEEPING = ("MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "AveragePool", "Gather")
_OPERANDS = {"Conv": 2, "Gemm": 2, **dict.fromkeys(("Clip", "Reshape", "Squeeze", "Unsqueeze", "Gather"), 1)}
_UNSIGNED = Integers(0, 255)
_BYTE = 8
_WIDE = Integers(0, 2**16 - 1)
_ACTIVATIONS = (*(Integers(0, 2**bits - 1) for bits in range(4, _BYTE + 1)), _WIDE)


@dataclass(frozen=True)
class QdqModel:
    """model    what onnxruntime runs
    storage  by the float model's name of each weight, how its integers are stored in `model`: "int8", "uint8", "int4",
             "uint4", or "packed in 3 bits"
    tensors  by the float model's name of each quantized tensor, the name that its values have in `model`; without
             those whose values are cut off where the Relu or Clip behind them does it anyway
    """

    model: onnx.ModelProto
    tensors: Mapping[str, str]
    storage: Mapping[str, str]


def write(model: onnx.ModelProto, mapping: QuantizationMapping, int4: bool = True) -> QdqModel:
    """Quantize the float `model` as `mapping` says. The argument is not changed.

    int4  whether weights of 4 bits may be of ONNX's own type, which opsets before 21 do not have

    Activations are unsigned, of fewer than 8 bits by a limit on the bytes; weights are signed, but for tables of which
    rows are picked (see `mapping`), and stored in as many bits as their integers need; biases have the scale of the
    sums that they are added to; the logits stay float32. A Relu or Clip stays where its output's range does not perform
    it. What only moves values, and average pooling, keeps the mapping of what it reads.
    Raises ModelError if no node can be quantized, ValueError for a mapping that ONNX's 8-bit operators cannot express.
    """
    quantized = integers(model, mapping)
    activations = saturation.narrowed(model.graph, mapping.activations)
    bits = {name: width for name, affine in mapping.weights.items() if (width := affine.bits) < _BYTE}
    placed = _dequantized(quantized.graph)
    highest = {name: each.integers.high for name, each in activations.items() if each.integers.high < _UNSIGNED.high}
    _limit(quantized.graph, highest)
    compacted, names = integer_graph.compact(quantized, model, bits, int4)
    whole = [name for name in placed if activations.get(name) is mapping.activations.get(name)]
    tensors = {name: names[placed[name]] for name in whole if placed[name] in names}
    return QdqModel(compacted, tensors, _storage(quantized.graph, mapping, int4))


def integers(model: onnx.ModelProto, mapping: QuantizationMapping, clips_stay: bool = False) -> onnx.ModelProto:
    """The QDQ graph as onnxruntime's tool writes it, before it is made small; its logits are quantized too.

    The scale of a tensor `x` of the float model is named `x_scale`, a constant's integers, which are the mapping's,
    `x_quantized`; activations of fewer than 8 bits are not limited yet.
    clips_stay  keep each Clip, so that the graph stays right where ranges change afterwards; a Relu begins at 0 anyway

    Raises as `write` does.
    """
    _check(mapping)
    prepared = _with_shapes(model)
    activations = saturation.narrowed(prepared.graph, mapping.activations)
    kept = saturation.kept(prepared.graph, activations)
    kept |= {node.output[0] for node in prepared.graph.node if clips_stay and node.op_type == "Clip"}
    overrides = {name: _override(affine) for name, affine in {**activations, **mapping.weights}.items()}
    with _silent():
        tool = _Tool(
            prepared,
            False,
            False,
            QuantType.QInt8,
            QuantType.QUInt16 if _WIDE in {each.integers for each in activations.values()} else QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, {name: _tensor_data(affine) for name, affine in activations.items()}),
            [],
            _left_float(prepared.graph, mapping),
            _OPERATORS,
            {"TensorQuantOverrides": overrides},
        )
        tool.kept = kept
        tool.quantize_model()
        tool.model.topological_sort()
    quantized = tool.model.model
    if not any(node.op_type == "DequantizeLinear" for node in quantized.graph.node):
        raise ModelError(
            f"none of the model's operators {sorted({node.op_type for node in model.graph.node})} can be quantized; "
            f"allowed are {sorted(_OPERATORS)}"
        )
    _round(quantized.graph, model.graph, mapping)
    return quantized


class _Tool(QDQQuantizer):
    """onnxruntime's tool takes any Relu or Clip away, whatever the range behind it; this one asks first."""

    kept: frozenset[str] = frozenset()

    def try_replacing_upstream_output(self, upstream_output_name: str, output_name: str) -> bool:
        return output_name not in self.kept and super().try_replacing_upstream_output(upstream_output_name, output_name)


def _limit(graph: onnx.GraphProto, highest: Mapping[str, int]) -> None:
    """Activations of fewer than 8 bits: bytes whose largest value is smaller, by a Clip that is computed on them.

    What only moves values keeps to the limit by itself. The logits, which stay float, have no integers to limit.
    """
    producers = {name: node for node in graph.node for name in node.output}
    outputs = {value.name for value in graph.output}
    by_input = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in [node for node in graph.node if node.op_type == "QuantizeLinear"]:
        limit = highest.get(node.input[1].removesuffix("_scale"))
        if (
            limit is None
            or _keeps(producers.get(node.input[0]), node.input[1], producers)
            or by_input.get(node.output[0]) in outputs
        ):
            continue
        name, bound = node.output[0], f"{integer_kernels.LIMIT}{limit}"
        if bound not in {tensor.name for tensor in graph.initializer}:
            graph.initializer.append(numpy_helper.from_array(np.array(limit, np.uint8), bound))
        node.output[0] = f"{name}_unlimited"
        graph.node.insert(
            list(graph.node).index(node) + 1, helper.make_node("Clip", [node.output[0], "", bound], [name])
        )


def _keeps(node: onnx.NodeProto | None, scale: str, producers: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a node gives no larger integer of a scale than it reads of the same one."""
    read = producers.get(node.input[0]) if node is not None and node.op_type in _KEEPING else None
    return read is not None and read.op_type == "DequantizeLinear" and read.input[1] == scale


def _round(quantized: onnx.GraphProto, source: onnx.GraphProto, mapping: QuantizationMapping) -> None:
    """The integers of the weights as the mapping has them: the tool knows 8 bits alone, and the nearest integer."""
    floats = {tensor.name: tensor for tensor in source.initializer}
    scales = {tensor.name: numpy_helper.to_array(tensor) for tensor in quantized.initializer}
    for tensor in quantized.initializer:
        name = tensor.name.removesuffix(integer_graph.QUANTIZED)
        if name == tensor.name or name not in mapping.weights or name not in floats:
            continue
        affine, values = mapping.weights[name], torch.from_numpy(numpy_helper.to_array(floats[name]).copy())
        scale = torch.from_numpy(scales[f"{name}_scale"].copy()).view(affine.scale.shape)
        given = mapping.rounded.get(name)
        # The tool widens a scale that is too small for the bias beside it: other integers, of the same range of values.
        if not torch.equal(scale, affine.scale):
            given, values = None, _clamped(values, affine)
        integers = quantize(values, replace(affine, scale=scale)) if given is None else given
        dtype = np.int8 if affine.integers.low < 0 else np.uint8
        tensor.CopyFrom(numpy_helper.from_array(integers.numpy().astype(dtype), tensor.name))


def _clamped(values: torch.Tensor, affine: Affine) -> torch.Tensor:
    ends = (affine.integers.low, affine.integers.high)
    low, high = (dequantize(torch.full_like(values, end, dtype=torch.int32), affine) for end in ends)
    return torch.minimum(torch.maximum(values, low), high)


def _storage(quantized: onnx.GraphProto, mapping: QuantizationMapping, int4: bool) -> dict[str, str]:
    def told(affine: Affine) -> str:
        sign = "" if affine.integers.low < 0 else "u"
        if affine.bits < _BYTE:
            return f"{sign}int4" if int4 and affine.bits == _BYTE // 2 else f"packed in {affine.bits} bits"
        return f"{sign}int8"

    there = {tensor.name for tensor in quantized.initializer}
    return {name: told(each) for name, each in mapping.weights.items() if f"{name}{integer_graph.QUANTIZED}" in there}


def _dequantized(graph: onnx.GraphProto) -> dict[str, str]:
    """By the name of each quantized activation, the tensor that its integers are turned into again."""
    quantized = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    found = {
        quantized[node.input[0]]: node.output[0]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in quantized
    }
    # The tool renames what it puts before a quantized output, and leaves the output its name.
    outputs = {value.name for value in graph.output}
    return {(after if after in outputs else before): after for before, after in found.items()} | {o: o for o in outputs}


def _left_float(graph: onnx.GraphProto, mapping: QuantizationMapping) -> list[str]:
    """The names of nodes that have integer kernels, yet shall not run on integers.

    The last Relu or Clip works on logits, which stay float. A factor in a Gemm is lost in onnxruntime's tool.
    """
    left = {node.name for node in saturation.at_the_output(graph)}
    mapped = mapping.weights.keys() | mapping.activations.keys()
    picked = tables(graph)
    for node in graph.node:
        if node.op_type == "Gather" and node.output[0] not in picked:
            left.add(node.name)
        factors = [attribute.f for attribute in node.attribute if attribute.name in ("alpha", "beta")]
        if node.op_type == "Gemm" and any(factor != 1 for factor in factors):
            left.add(node.name)
        if not mapped.issuperset(name for name in (*_operands(node), node.output[0]) if name):
            left.add(node.name)
    return sorted(left)


def _operands(node: onnx.NodeProto) -> Iterable[str]:
    return node.input[: _OPERANDS.get(node.op_type, len(node.input))]


def _check(mapping: QuantizationMapping) -> None:
    for name, affine in mapping.activations.items():
        if affine.integers not in _ACTIVATIONS or affine.axis is not None:
            allowed = "integers from 0 on, of 4 to 8 bits or 16, and one scale"
            raise ValueError(f"activation {name!r} maps to {affine}; allowed are {allowed}")
    for name, integers in mapping.rounded.items():
        limits = mapping.weights[name].integers
        if not limits.low <= int(integers.min()) <= int(integers.max()) <= limits.high:
            raise ValueError(f"weight {name!r} is rounded to {int(integers.min())} to {int(integers.max())}; {limits}")
    for name, affine in mapping.weights.items():
        if affine.integers != _UNSIGNED and not -128 <= affine.integers.low < affine.integers.high <= 127:
            raise ValueError(f"weight {name!r} maps to {affine}; allowed are integers within -128 to 127, or 0 to 255")


def _override(affine: Affine) -> list[dict[str, Any]]:
    """In the form of onnxruntime's option `TensorQuantOverrides`: one entry a channel, of numpy scalars."""
    scales, zero_points = affine.scale.reshape(-1).numpy(), affine.zero_point.reshape(-1).numpy()
    if affine.integers == _WIDE:
        dtype, kind = np.uint16, QuantType.QUInt16
    else:
        unsigned = affine.integers in _ACTIVATIONS
        dtype, kind = (np.uint8, QuantType.QUInt8) if unsigned else (np.int8, QuantType.QInt8)
    axis = {} if affine.axis is None else {"axis": affine.axis}
    return [
        {"scale": np.array(scale, np.float32), "zero_point": np.array(zero_point, dtype), "quant_type": kind, **axis}
        for scale, zero_point in zip(scales, zero_points, strict=True)
    ]


def _tensor_data(affine: Affine) -> TensorData:
    """The tool wants a range for each activation, though the override says it all."""
    low, high = (
        (limit - affine.zero_point.numpy()) * affine.scale.numpy()
        for limit in (affine.integers.low, affine.integers.high)
    )
    return TensorData(lowest=np.float32(low), highest=np.float32(high))


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with the shapes of its tensors, whose nodes can be told apart by name."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    for index, node in enumerate(inferred.graph.node):
        node.name = f"{node.op_type}_{index}"
    # This mark tells the tool that shapes are known; without it, it would infer them again through temporary files.
    helper.set_model_props(inferred, {"onnx.infer": "onnxruntime.quant"})
    return inferred


@contextmanager
def _silent() -> Generator[None]:
    """The tool writes to the root logger that it would rather have its own preprocessing; the export did it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
