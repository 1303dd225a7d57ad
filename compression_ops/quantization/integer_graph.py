"""The smallest form of a quantized ONNX graph that onnxruntime still runs on integers.

For a network of ten thousand parameters the names, zero points and scales around the weights weigh as much as they do.
Each step below keeps the integers that are computed; a test holds all of them to that.
"""

import itertools
import string
from collections.abc import Iterator

import onnx
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import graph as onnx_graph

_QUANTIZED = "_quantized"


def compact(quantized: onnx.ModelProto, source: onnx.ModelProto, pack: bool) -> onnx.ModelProto:
    """Drop from `quantized`, made of the float model `source`, what onnxruntime does not need.

    With `pack`, 8-bit weights that hold 4-bit values are stored as INT4, two a byte. Neither argument is changed.
    """
    model = onnx.ModelProto()
    model.CopyFrom(quantized)
    graph = model.graph
    _keep_output_float(graph)
    _store_biases_once(graph, source)
    _drop_zero_points_of_zero(graph)
    if pack:
        _pack_weights(graph)
    _share_scales(graph)
    _drop_unused_constants(graph)
    _rename(graph)
    return onnx_graph.minimal(model, node_names=False)


def _keep_output_float(graph: onnx.GraphProto) -> None:
    """The logits as the last layer computes them: rounded to 256 levels, many would tie."""
    producers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        dequantize = producers[output.name]
        quantize = producers.get(dequantize.input[0]) if dequantize.op_type == "DequantizeLinear" else None
        source = producers.get(quantize.input[0]) if quantize is not None else None
        if quantize is None or source is None or quantize.op_type != "QuantizeLinear":
            continue
        # Pooling and the like have integer kernels only for integer results.
        if source.op_type in ("Gemm", "MatMul") and len(_consumers(graph, quantize.input[0])) == 1:
            source.output[0] = output.name
            graph.node.remove(dequantize)
            graph.node.remove(quantize)


def _store_biases_once(graph: onnx.GraphProto, source: onnx.ModelProto) -> None:
    """The bias of a convolution as float32, without the scale and zero point that an integer one needs beside it.

    onnxruntime quantizes it with the same scale, input times weight, when the session loads. For a matrix product
    with float output it does not, and would compute in float.
    """
    floats = {tensor.name: tensor for tensor in source.graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    for node in list(graph.node):
        if node.op_type == "Conv" and len(node.input) > 2 and node.input[2] in floats and node.input[2] in producers:
            graph.node.remove(producers[node.input[2]])
            graph.initializer.append(floats[node.input[2]])


def _drop_zero_points_of_zero(graph: onnx.GraphProto) -> None:
    """A missing zero point is 0. Where onnxruntime looks for it, in the weight of a matrix product, it stays."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or len(node.input) < 3 or node.input[0] not in constants:
            continue
        consumers = _consumers(graph, node.output[0])
        droppable = constants[node.input[0]].data_type == TensorProto.INT32 or all(
            n.op_type == "Conv" for n in consumers
        )
        if droppable and not numpy_helper.to_array(constants[node.input[2]]).any():
            del node.input[2]


def _pack_weights(graph: onnx.GraphProto) -> None:
    """INT4, cast to INT8: onnxruntime folds the cast when the session loads, and then sees an 8-bit weight."""
    for node in list(graph.node):
        weight = next(
            (t for t in graph.initializer if node.op_type == "DequantizeLinear" and t.name == node.input[0]), None
        )
        if weight is None or weight.data_type != TensorProto.INT8:
            continue
        values = numpy_helper.to_array(weight)
        packed = helper.make_tensor(weight.name, TensorProto.INT4, weight.dims, values.ravel())
        weight.CopyFrom(packed)
        node.input[0] = f"{weight.name}_int8"
        graph.node.insert(0, helper.make_node("Cast", [weight.name], [node.input[0]], to=TensorProto.INT8))


def _share_scales(graph: onnx.GraphProto) -> None:
    """One constant for all scales and zero points of the same type, shape and value."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            for position in range(1, len(node.input)):
                tensor = constants[node.input[position]]
                key = (tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
                node.input[position] = first.setdefault(key, tensor.name)


def _drop_unused_constants(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _rename(graph: onnx.GraphProto) -> None:
    """Weights and biases keep the names that they have in the network; every other name gets as short as can be."""
    parameters = _parameter_names(graph)
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    names |= {name: name.removesuffix(_QUANTIZED) for name in parameters}
    fresh = (name for name in _short_names() if name not in set(names.values()))
    for node in graph.node:
        for name in (*node.input, *node.output):
            if name and name not in names:
                names[name] = next(fresh)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    del graph.value_info[:]


def _parameter_names(graph: onnx.GraphProto) -> list[str]:
    settings = {
        name for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear") for name in node.input[1:]
    }
    return [tensor.name for tensor in graph.initializer if tensor.name not in settings]


def _short_names() -> Iterator[str]:
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_lowercase, repeat=length))


def _consumers(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    return [node for node in graph.node if name in node.input]
