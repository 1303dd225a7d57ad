"""A float ONNX model as an integer one: static quantization in QDQ form, for onnxruntime's integer kernels."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorData, TensorsData

from compression_ops.errors import ModelError
from compression_ops.quantization import affine, integer_graph
from compression_ops.quantization.activations import Ranges
from compression_ops.quantization.affine import Affine, Integers

# Operators that onnxruntime's CPU runs on integers in QDQ form; around any other, conversions would cost and not pay.
_OPERATORS = [
    *("Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "Relu", "Clip", "LeakyRelu", "Sigmoid"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze"),
]
# Without VNNI a kernel adds two products of an unsigned 8-bit activation and a signed weight in 16 bits:
# 2 * 255 * 64 = 32,640 still fits below 32,767. Then the same model gives the same logits on every CPU.
_REDUCED = Integers(-64, 64)
_NONE = onnx.TensorProto()


@dataclass(frozen=True)
class Precision:
    """weight_bits      one of `precision.WEIGHT_BITS`
    activation_bits  one of `precision.ACTIVATION_BITS`
    per_channel      one scale for each output channel of a weight, else one for the whole
    reduce_range     8-bit weights within [-64, 64], so that no kernel saturates
    """

    weight_bits: int
    activation_bits: int
    per_channel: bool
    reduce_range: bool


def quantize(model: onnx.ModelProto, ranges: Ranges, precision: Precision) -> onnx.ModelProto:
    """Quantize `model`, whose tensors take the values of `ranges`.

    Weights are symmetric and signed, activations asymmetric and unsigned; biases have the scale of the sums that they
    are added to; the logits stay float32. What cannot run on integers stays float. The argument is not changed.
    Raises ModelError if no node can be quantized.
    """
    parameters = {**_activations(ranges, precision), **_weights(model, precision)}
    with _silent():
        tool = QDQQuantizer(
            _with_shapes(model),
            precision.per_channel,
            precision.reduce_range,
            QuantType.QInt8,
            QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, {name: _tensor_data(*span) for name, span in ranges.items()}),
            [],
            [],
            _OPERATORS,
            {"TensorQuantOverrides": {name: _override(affine) for name, affine in parameters.items()}},
        )
        tool.quantize_model()
        tool.model.topological_sort()
    quantized = tool.model.model
    if not any(node.op_type == "DequantizeLinear" for node in quantized.graph.node):
        raise ModelError(
            f"none of the model's operators {sorted({node.op_type for node in model.graph.node})} can be quantized; "
            f"allowed are {sorted(_OPERATORS)}"
        )
    return integer_graph.compact(quantized, model, pack=precision.weight_bits == 4)


def weight_integers(precision: Precision) -> Integers:
    """The integers that a weight takes: symmetric about 0."""
    if precision.weight_bits == 8 and precision.reduce_range:
        return _REDUCED
    return affine.integers(precision.weight_bits, signed=True, narrow=True)


def _activations(ranges: Ranges, precision: Precision) -> dict[str, Affine]:
    integers = affine.integers(precision.activation_bits, signed=False)
    return {
        name: affine.asymmetric(torch.tensor(low), torch.tensor(high), integers) for name, (low, high) in ranges.items()
    }


def _weights(model: onnx.ModelProto, precision: Precision) -> dict[str, Affine]:
    """The mapping of each weight of a convolution or a matrix product."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found: dict[str, Affine] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and len(constants.get(node.input[1], _NONE).dims) > 1:
            weight = torch.from_numpy(numpy_helper.to_array(constants[node.input[1]]).copy())
            axis = _output_axis(node, weight.dim()) if precision.per_channel else None
            low, high = affine.value_range(weight, axis)
            found[node.input[1]] = affine.symmetric(low, high, weight_integers(precision), axis)
    return found


def _output_axis(node: onnx.NodeProto, dimensions: int) -> int:
    if node.op_type == "Conv":
        return 0
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if transposed else dimensions - 1


def _override(affine: Affine) -> list[dict[str, Any]]:
    """In the form of onnxruntime's option `TensorQuantOverrides`: one entry a channel, of numpy scalars."""
    scales, zero_points = affine.scale.reshape(-1).numpy(), affine.zero_point.reshape(-1).numpy()
    dtype = np.uint8 if affine.integers.low == 0 else np.int8
    entries = zip(scales, zero_points, strict=True)
    axis = {} if affine.axis is None else {"axis": affine.axis}
    return [{"scale": np.array(s, np.float32), "zero_point": np.array(z, dtype), **axis} for s, z in entries]


def _tensor_data(low: float, high: float) -> TensorData:
    return TensorData(lowest=np.float32(low), highest=np.float32(high))


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
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
