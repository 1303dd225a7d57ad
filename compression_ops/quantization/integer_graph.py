"""The smallest form of a quantized ONNX graph that onnxruntime still runs on integers.

For a network of ten thousand parameters the names, zero points and scales around the weights weigh as much as they do.
Each step below keeps the integers that are computed; a test holds all of them to that.
"""

import itertools
import string
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import graph as onnx_graph
from compression_ops.onnx_model import packed
from compression_ops.quantization import saturation

QUANTIZED = "_quantized"
_INT4 = 4
_AROUND = ["DequantizeLinear", "QuantizeLinear"]


def compact(
    quantized: onnx.ModelProto, source: onnx.ModelProto, bits: Mapping[str, int], int4: bool = True
) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Drop from `quantized`, made of the float model `source`, what onnxruntime does not need.

    bits  of the weights that have fewer than 8, by name; they are stored in as many (see `onnx_model.packed`)
    int4  whether those of 4 bits are of ONNX's own type, which opset 21 is the first to have

    No argument is changed. Returns the model, and the names of its tensors by those that they had in `quantized`.
    """
    model = onnx.ModelProto()
    model.CopyFrom(quantized)
    graph = model.graph
    keep_output_float(graph)
    _store_biases_once(graph, source)
    _drop_zero_points_of_zero(graph)
    _pack_weights(graph, {f"{name}{QUANTIZED}": width for name, width in bits.items()}, int4)
    _clip_integers(graph)
    _share_scales(graph)
    _drop_unused_constants(graph)
    names = _rename(graph, [f"{name}{QUANTIZED}" for name in bits])
    return onnx_graph.minimal(model, node_names=False), names


def keep_output_float(graph: onnx.GraphProto) -> None:
    """The logits as the last layer computes them: rounded to 256 levels, many would tie."""
    producers = {name: node for node in graph.node for name in node.output}
    limiting = list(saturation.at_the_output(graph))
    for name in (*(node.input[0] for node in limiting), *(output.name for output in graph.output)):
        dequantize = producers.get(name)
        if dequantize is None or dequantize.op_type != "DequantizeLinear":
            continue
        quantize = producers.get(dequantize.input[0])
        source = producers.get(quantize.input[0]) if quantize is not None else None
        if quantize is None or source is None or quantize.op_type != "QuantizeLinear":
            continue
        # Pooling and the like have integer kernels only for integer results.
        if source.op_type in ("Gemm", "MatMul") and len(_consumers(graph, quantize.input[0])) == 1:
            source.output[0] = name
            graph.node.remove(dequantize)
            graph.node.remove(quantize)


def _store_biases_once(graph: onnx.GraphProto, source: onnx.ModelProto) -> None:
    """The bias of a convolution as float32, without the scale and zero point that an integer one needs beside it.

    onnxruntime quantizes it with the same scale, input times weight, when the session loads. For a matrix product
    with float output it does not, and would compute in float.
    """
    floats = {tensor.name: tensor for tensor in source.graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    biases = [node.input[2] for node in graph.node if node.op_type == "Conv" and len(node.input) > 2]
    for name in dict.fromkeys(biases):  # convolutions may share one
        if name in floats and name in producers:
            graph.node.remove(producers[name])
            graph.initializer.append(floats[name])


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


def _pack_weights(graph: onnx.GraphProto, bits: Mapping[str, int], int4: bool) -> None:
    there = {tensor.name: tensor.data_type for tensor in graph.initializer if tensor.name in bits}
    for width, kind in sorted({(bits[name], kind) for name, kind in there.items()}):
        names = [name for name in there if (bits[name], there[name]) == (width, kind)]
        if width == _INT4 and int4:
            _as_int4(graph, names)
        else:
            packed.store(graph, width, names)


def _as_int4(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """INT4, cast to INT8, or both unsigned: onnxruntime folds the cast when the session loads, and then sees an 8-bit
    weight.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer if tensor.name in names}
    for node in list(graph.node):
        if node.op_type != "DequantizeLinear" or node.input[0] not in weights:
            continue
        weight = weights[node.input[0]]
        values, byte = numpy_helper.to_array(weight), weight.data_type
        half = TensorProto.INT4 if byte == TensorProto.INT8 else TensorProto.UINT4
        weight.CopyFrom(helper.make_tensor(weight.name, half, weight.dims, values.ravel()))
        node.input[0] = f"{weight.name}_int8"
        graph.node.insert(0, helper.make_node("Cast", [weight.name], [node.input[0]], to=byte))


def _clip_integers(graph: onnx.GraphProto) -> None:
    """A Relu or Clip between equal scales works on the integers themselves.

    Rounding keeps the order of values, so the quantized clip(x, low, high) is the clip of the quantized three.
    """
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    outputs, scalars = {value.name for value in graph.output}, saturation.constants(graph)
    for node in [node for node in graph.node if node.op_type in saturation.OPERATORS]:
        before, after = producers.get(node.input[0]), _consumers(graph, node.output[0])
        limits = saturation.bounds(node, scalars)
        if limits is None or before is None or [before.op_type, *(n.op_type for n in after)] != _AROUND:
            continue
        scale, zero_point = (arrays[name] for name in before.input[1:3])
        if [scale.tobytes(), zero_point.tobytes()] != [arrays[name].tobytes() for name in after[0].input[1:3]]:
            continue
        ends = [f"{node.output[0]}_low", f"{node.output[0]}_high"]
        for name, end in zip(ends, (limits.low, limits.high), strict=True):
            integers = np.iinfo(zero_point.dtype)
            value = np.clip(np.rint(np.float32(end) / scale) + zero_point, integers.min, integers.max)
            graph.initializer.append(numpy_helper.from_array(value.astype(zero_point.dtype), name))
        clip = helper.make_node("Clip", [before.input[0], *ends], [after[0].output[0]])
        graph.node.insert(list(graph.node).index(node), clip)
        graph.node.remove(node)
        graph.node.remove(after[0])
        if before.output[0] not in outputs and not _consumers(graph, before.output[0]):
            graph.node.remove(before)


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


def _rename(graph: onnx.GraphProto, weights: Collection[str]) -> dict[str, str]:
    """Weights and biases keep the names that they have in the network; every other name gets as short as can be.

    Returns the new names by the old ones.
    """
    parameters = _parameter_names(graph)
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    unpacked = {name for node in graph.node for name in node.output if name in weights}
    names |= {name: name.removesuffix(QUANTIZED) for name in (*parameters, *sorted(unpacked))}
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
    typed = [value for value in graph.value_info if value.name in names]
    del graph.value_info[:]
    for value in typed:
        value.name = names[value.name]
    graph.value_info.extend(typed)
    return names


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
