"""What an ONNX model costs whoever stores and runs it: parameters, bytes, multiply-accumulates."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from compression_ops.evaluation import multiplications
from compression_ops.evaluation.measurements import Cost
from compression_ops.onnx_model.packed import stored

# Operators whose constant inputs are settings (bounds, shapes, axes), not something that was learned.
_WITHOUT_PARAMETERS = {"Clip", "Pad", "Resize", "Reshape", "Slice", "Expand", "Range", "ReduceMean", "QuantizeLinear"}
_RUNNING_STATISTICS = (3, 4)


def measure(model: bytes | Path) -> Cost:
    """The cost of serialized ONNX, or of a file of it. Raises ModelError where its images have no fixed size."""
    serialized = model.read_bytes() if isinstance(model, Path) else model
    proto = onnx.ModelProto.FromString(serialized)
    parameters, packed = list(_parameters(proto.graph)), stored(proto.graph)
    return Cost(
        parameters=sum(packed.get(tensor.name, math.prod(tensor.dims)) for tensor in parameters),
        file_bytes=len(serialized),
        weight_bytes=sum(_stored_bytes(tensor) for tensor in parameters),
        macs=multiplications.count(proto),
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
