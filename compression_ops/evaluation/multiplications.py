"""How many multiply-accumulates an ONNX model needs for a sample, in convolutions, matrix products and recurrences."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, shape_inference

from compression_ops.errors import ModelError
from compression_ops.onnx_model import session

_Shapes = dict[str, list[int]]


def count(model: onnx.ModelProto) -> int:
    """Multiply-accumulates of one sample.

    Shapes are inferred; where some depend on values, as after a sort or a recurrence, the model is run on one sample
    of zeros, and they are looked at. Raises ModelError where the images have no fixed size.
    """
    single = _of_one_sample(model)
    nodes = [node for node in single.graph.node if node.op_type in _COUNTED]
    needed = dict.fromkeys(name for node in nodes for name in (*node.input, *node.output) if name)
    shapes = _inferred(single)
    if missing := [name for name in needed if 0 in shapes.get(name, [0])]:
        shapes |= _seen(single, missing)
    return sum(_COUNTED[node.op_type](node, shapes) for node in nodes)


def _of_one_sample(model: onnx.ModelProto) -> onnx.ModelProto:
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for value in single.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in single.graph.output:
        value.type.tensor_type.ClearField("shape")
    return single


def _inferred(single: onnx.ModelProto) -> _Shapes:
    inferred = shape_inference.infer_shapes(single, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return shapes


def _seen(single: onnx.ModelProto, names: Iterable[str]) -> _Shapes:
    """The shapes of tensors that nodes compute, in a run on zeros."""
    watched = onnx.ModelProto()
    watched.CopyFrom(single)
    computed = {name for node in single.graph.node for name in node.output} - {v.name for v in single.graph.output}
    asked = [name for name in names if name in computed]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked)
    (given,) = watched.graph.input
    kind = given.type.tensor_type
    shape = [dim.dim_value for dim in kind.shape.dim]
    if 0 in shape:
        raise ModelError(
            f"the multiply-accumulates of the model cannot be counted: its input {given.name!r} has the shape {shape}, "
            "where 0 is not known; export it for samples of one fixed size"
        )
    zeros = np.zeros(shape, helper.tensor_dtype_to_np_dtype(kind.elem_type))
    running = session.open_session(watched.SerializeToString())
    outputs = [value.name for value in watched.graph.output]
    found: Any = running.run(outputs, {given.name: zeros})
    return {name: list(np.shape(value)) for name, value in zip(outputs, found, strict=True)}


def _convolution(node: onnx.NodeProto, shapes: _Shapes) -> int:
    return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])


def _transposed_convolution(node: onnx.NodeProto, shapes: _Shapes) -> int:
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _gemm(node: onnx.NodeProto, shapes: _Shapes) -> int:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if attributes.get("transA", 0) else 1]


def _product(node: onnx.NodeProto, shapes: _Shapes) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _recurrence(node: onnx.NodeProto, shapes: _Shapes) -> int:
    """Each step multiplies the input and the state by their weights, [directions, gates · hidden, …]."""
    steps, batch, _ = shapes[node.input[0]]
    return steps * batch * sum(math.prod(shapes[name]) for name in node.input[1:3])


_COUNTED: dict[str, Callable[[onnx.NodeProto, _Shapes], int]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "Gemm": _gemm,
    "MatMul": _product,
    "RNN": _recurrence,
    "GRU": _recurrence,
    "LSTM": _recurrence,
}
