"""The smallest equal form of an ONNX graph: nothing but what inference needs, in the operators that quantize best."""

import itertools
import math
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference

from compression_ops.errors import ModelError

_IR_VERSION = 10
# Attributes whose default the schema states in words only.
_DEFAULT_WHEN_ALL = {"strides": 1, "dilations": 1, "pads": 0, "output_padding": 0}


def minimal(model: onnx.ModelProto, node_names: bool = True) -> onnx.ModelProto:
    """An equal model without names of its makers, documentation, intermediate shapes and default attributes.

    Means over all of an image become GlobalAveragePool, reshapes that only flatten become Flatten: onnxruntime has
    integer kernels for these. Nodes are named by operator and position, or not at all. The bytes of the result depend
    on the model alone. Raises ModelError where the model is not valid ONNX. The argument is not changed.
    """
    source = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    shapes = {value.name: _dimensions(value) for value in _values(source.graph)}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.graph.initializer}
    nodes = [new for node in source.graph.node for new in _rewritten(node, shapes, constants)]
    if node_names:
        _name(nodes)
    used = set(itertools.chain.from_iterable(node.input for node in nodes))
    graph = helper.make_graph(
        nodes,
        "network",
        [_bare(value) for value in source.graph.input],
        [_bare(value) for value in source.graph.output],
        [numpy_helper.from_array(np.array(array, order="C"), n) for n, array in constants.items() if n in used],
        value_info=_not_inferable(source.graph),
    )
    operators = [o for o in source.opset_import if any(node.domain == o.domain for node in nodes)]
    result = helper.make_model(graph, opset_imports=operators, ir_version=_IR_VERSION, producer_name="compression_ops")
    try:
        onnx.checker.check_model(result, full_check=True)
    except (onnx.checker.ValidationError, shape_inference.InferenceError) as error:
        raise ModelError(f"the model is not valid ONNX: {error}") from error
    return result


def _rewritten(
    node: onnx.NodeProto, shapes: dict[str, list[int | str]], constants: dict[str, np.ndarray]
) -> list[onnx.NodeProto]:
    shape = shapes.get(node.input[0], []) if node.input else []
    setting = constants.get(node.input[1]) if len(node.input) > 1 else None
    if setting is not None and node.op_type == "ReduceMean" and len(shape) == 4:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if sorted(int(axis) % 4 for axis in setting) == [2, 3]:
            return _global_average(node, flat=attributes.get("keepdims", 1) == 0)
    sizes = [size for size in shape[1:] if isinstance(size, int)]
    known = len(shape) > 1 and len(sizes) == len(shape) - 1
    if setting is not None and node.op_type == "Reshape" and known and setting.tolist() == [-1, math.prod(sizes)]:
        return [helper.make_node("Flatten", [node.input[0]], node.output)]
    return [_without_defaults(node)]


def _global_average(node: onnx.NodeProto, flat: bool) -> list[onnx.NodeProto]:
    if not flat:
        return [helper.make_node("GlobalAveragePool", [node.input[0]], node.output)]
    pooled = f"{node.output[0]}_pooled"
    return [
        helper.make_node("GlobalAveragePool", [node.input[0]], [pooled]),
        helper.make_node("Flatten", [pooled], node.output),
    ]


def _without_defaults(node: onnx.NodeProto) -> onnx.NodeProto:
    result = onnx.NodeProto(op_type=node.op_type, domain=node.domain, input=node.input, output=node.output)
    schema = defs.get_schema(node.op_type, domain=node.domain) if defs.has(node.op_type, node.domain) else None
    for attribute in sorted(node.attribute, key=lambda a: a.name):
        value = helper.get_attribute_value(attribute)
        known = schema.attributes.get(attribute.name) if schema is not None else None
        if known is not None and known.default_value.type and helper.get_attribute_value(known.default_value) == value:
            continue
        usual = _DEFAULT_WHEN_ALL.get(attribute.name)
        if usual is not None and all(item == usual for item in value):
            continue
        result.attribute.append(helper.make_attribute(attribute.name, value))
    return result


def _not_inferable(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The types of what operators compute for which ONNX has no inference, such as GroupNormalization."""
    values = {value.name: value for value in graph.value_info}
    computed = [name for node in graph.node if not _has_inference(node) for name in node.output]
    return [_bare(values[name]) for name in computed if name in values]


def _has_inference(node: onnx.NodeProto) -> bool:
    known = defs.has(node.op_type, node.domain)
    return known and defs.get_schema(node.op_type, domain=node.domain).has_type_and_shape_inference_function


def _name(nodes: list[onnx.NodeProto]) -> None:
    for index, node in enumerate(nodes):
        node.name = f"{node.op_type}_{index}"


def _values(graph: onnx.GraphProto) -> Iterable[onnx.ValueInfoProto]:
    return itertools.chain(graph.input, graph.value_info, graph.output)


def _dimensions(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in value.type.tensor_type.shape.dim]


def _bare(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, _dimensions(value))
