"""Post-training quantization: weights by their extremes, activations by ranges that a calibration has found.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", §2;
Nagel et al. 2021, "A White Paper on Neural Network Quantization", §3.
"""

from typing import TYPE_CHECKING, Literal

from compression_ops.quantization.precision import Precision
from compression_ops.spec import Spec

if TYPE_CHECKING:
    import onnx

    from compression_ops.quantization.activations import Ranges
    from compression_ops.quantization.affine import Integers
    from compression_ops.quantization.mapping import QuantizationMapping

# Without VNNI a kernel adds two products of an unsigned 8-bit activation and a signed weight in 16 bits:
# 2 * 255 * 64 = 32,640 still fits below 32,767. Then the same model gives the same logits on every CPU.
_REDUCED = 64
_CONSTANT_BITS = 8
_TABLE_BITS = 4  # at least
_PRODUCTS, _ELEMENTWISE = ("Conv", "Gemm", "MatMul"), ("Add", "Mul", "Concat")


class Calibrated(Spec):
    """As the student was trained: nothing is learned."""

    type: Literal["calibrated"] = "calibrated"


def mapping(model: "onnx.ModelProto", ranges: "Ranges", precision: Precision) -> "QuantizationMapping":
    """Map the float `model`, whose tensors take the values of `ranges`.

    Weights are symmetric and signed; activations, and constants that are added, multiplied or appended, are asymmetric
    and unsigned. So are tables of which indices pick rows, in the fewer bits of weights and activations, since they are
    both, but at least 4, since one scale serves a whole table; indices are not mapped. Every method begins with it.
    """
    import onnx
    import torch
    from onnx import numpy_helper

    from compression_ops.quantization import affine
    from compression_ops.quantization.mapping import QuantizationMapping, indices, tables

    integers, bytes_ = (affine.integers(bits, signed=False) for bits in (precision.activation_bits, _CONSTANT_BITS))
    places = indices(model.graph)
    activations = {
        name: affine.asymmetric(torch.tensor(low), torch.tensor(high), integers)
        for name, (low, high) in ranges.items()
        if name not in places
    }
    constants = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    weights: dict[str, affine.Affine] = {}
    for node in model.graph.node:
        if node.op_type in _PRODUCTS:
            for position, name in enumerate(node.input[:2]):
                if name in constants:
                    axis = _output_axis(node, position, constants[name].dim()) if precision.per_channel else None
                    extremes = affine.value_range(constants[name], axis)
                    weights[name] = affine.symmetric(*extremes, weight_integers(precision), axis)
        elif node.op_type in _ELEMENTWISE:
            for name in node.input:
                if name in constants and bool(torch.isfinite(constants[name]).all()):
                    weights.setdefault(name, affine.asymmetric(*affine.value_range(constants[name]), bytes_))
    for rows, table in tables(model.graph).items():
        bits = min(max(precision.weight_bits, _TABLE_BITS), precision.activation_bits, _CONSTANT_BITS)
        few = affine.integers(bits, signed=False)
        weights[table] = activations[rows] = affine.asymmetric(*affine.value_range(constants[table]), few)
    return QuantizationMapping(weights, activations)


def weight_integers(precision: Precision) -> "Integers":
    """The integers that a weight takes: symmetric about 0."""
    from compression_ops.quantization import affine

    if precision.weight_bits == 8 and precision.reduce_range:
        return affine.Integers(-_REDUCED, _REDUCED)
    return affine.integers(precision.weight_bits, signed=True, narrow=True)


def _output_axis(node: "onnx.NodeProto", position: int, dimensions: int) -> int | None:
    """The axis of a weight that the output's channels run along; None where one scale must serve all of it."""
    if position == 0 or dimensions < 2:
        return None
    if node.op_type == "Conv":
        return 0
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if transposed else dimensions - 1
