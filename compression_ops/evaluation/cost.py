"""What an ONNX model costs whoever stores and runs it: parameters, bytes, multiply-accumulates."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from compression_ops.errors import ModelError

# Operators whose constant inputs are settings (bounds, shapes, axes), not something that was learned.
_WITHOUT_PARAMETERS = {"Clip", "Pad", "Resize", "Reshape", "Slice", "Expand", "Range", "ReduceMean", "QuantizeLinear"}
_RUNNING_STATISTICS = (3, 4)


@dataclass(frozen=True)
class Cost:
    """parameters     learned values: weights and biases, not the scales and zero points of quantization
    file_bytes     size of the serialized model
    weight_bytes   size of the parameters as they are stored in it
    macs           multiply-accumulates of one sample in convolutions and matrix products; equal in a float model and
                   in its quantized form
    """

    parameters: int
    file_bytes: int
    weight_bytes: int
    macs: int


def measure(model: bytes | Path) -> Cost:
    """The cost of serialized ONNX, or of a file of it.

    Raises ModelError where the shapes that the cost depends on cannot be inferred.
    """
    serialized = model.read_bytes() if isinstance(model, Path) else model
    proto = onnx.ModelProto.FromString(serialized)
    parameters = list(_parameters(proto.graph))
    return Cost(
        parameters=sum(math.prod(tensor.dims) for tensor in parameters),
        file_bytes=len(serialized),
        weight_bytes=sum(_stored_bytes(tensor) for tensor in parameters),
        macs=_macs(proto),
    )


def _parameters(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    consumers: dict[str, list[tuple[onnx.NodeProto, int]]] = defaultdict(list)
    for node in graph.node:
        for position, name in enumerate(node.input):
            consumers[name].append((node, position))
    for tensor in graph.initializer:
        if any(_learns(node, position, tensor, consumers) for node, position in consumers[tensor.name]):
            yield tensor


def _learns(
    node: onnx.NodeProto,
    position: int,
    tensor: onnx.TensorProto,
    consumers: dict[str, list[tuple[onnx.NodeProto, int]]],
) -> bool:
    """Whether `tensor` is a parameter where `node` takes it as its input number `position`."""
    if node.op_type == "DequantizeLinear":
        return position == 0 and any(_learns(n, p, tensor, consumers) for n, p in consumers[node.output[0]])
    if node.op_type in _WITHOUT_PARAMETERS or len(tensor.dims) == 0:
        return False
    return not (node.op_type == "BatchNormalization" and position in _RUNNING_STATISTICS)


def _stored_bytes(tensor: onnx.TensorProto) -> int:
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data)
    return int(np.asarray(numpy_helper.to_array(tensor)).nbytes)


def _macs(model: onnx.ModelProto) -> int:
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for value in single.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in single.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(single, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return sum(_node_macs(node, shapes) for node in inferred.node)


def _node_macs(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> int:
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    left, right, result = (shapes.get(name, [0]) for name in (node.input[0], node.input[1], node.output[0]))
    if 0 in (*left, *right, *result):
        raise ModelError(
            f"the multiply-accumulates of node {node.name!r} ({node.op_type}) cannot be counted: its shapes "
            f"{left} x {right} -> {result} are not all known; export the model with a fixed image size"
        )
    if node.op_type == "Conv":
        return math.prod(result) * math.prod(right[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(left) * math.prod(right[1:])
    if node.op_type == "Gemm":
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        return math.prod(result) * left[0 if attributes.get("transA", 0) else 1]
    return math.prod(result) * left[-1]
