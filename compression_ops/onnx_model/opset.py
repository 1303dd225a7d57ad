"""A model in the operators of an older opset, for runtimes that read no newer one.

Measured on five quantized networks: onnxruntime 1.20 runs opset 21 (IR 10), 1.18 and 1.19 too but for products of two
quantized activations, as in attention; 1.17 runs opset 20 and 1.16 opset 19 (IR 9), 1.15 opset 18 (IR 8); each of them
whatever is older.
"""

import re
from typing import Any

import onnx
from onnx import defs, helper, inliner, shape_inference, version_converter

from compression_ops.errors import ModelError

_AS_IT_IS, _SPLIT_BY_SIZES = "as_it_is", 13
_UNKNOWN = re.compile(r"(?:of|for) (\w+)(?: exists)?$")


def lowered(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """An equal model in that opset, and in the oldest IR that has it; the argument is not changed.

    Operators that ONNX defines by others, such as Gelu, are replaced by these where the opset does not have them.
    Raises ModelError, which names the operator, where one has no older form.
    """
    if opset >= _opset(model):
        return model
    try:
        result = _converted(_without(_younger(model, opset), model), opset)
        result.ir_version = helper.find_min_ir_version_for(result.opset_import)
        onnx.checker.check_model(result, full_check=True)
    except Exception as error:  # onnx raises classes of its C++ side
        raise ModelError(
            f"the model cannot be written in opset {opset}: {_operator(error)}. Allowed is a larger `opset`, or a "
            "network without that operator"
        ) from error
    return result


def _converted(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """ONNX's converter leaves nodes of other domains as they are: so goes what needs no change."""
    marked = onnx.ModelProto()
    marked.CopyFrom(model)
    same = [node for node in marked.graph.node if _is_split_by_sizes(node)]
    if not same or opset < _SPLIT_BY_SIZES:
        return version_converter.convert_version(model, opset)
    for node in same:
        node.domain = _AS_IT_IS
    marked.opset_import.append(helper.make_opsetid(_AS_IT_IS, 1))
    result = version_converter.convert_version(marked, opset)
    for node in result.graph.node:
        if node.domain == _AS_IT_IS:
            node.ClearField("domain")
    for found in [found for found in result.opset_import if found.domain == _AS_IT_IS]:
        result.opset_import.remove(found)
    return result


def _is_split_by_sizes(node: onnx.NodeProto) -> bool:
    """One that means the same from opset 13 on: opset 18 added the number of parts, which stands instead of sizes."""
    return node.op_type == "Split" and node.domain in ("", "ai.onnx") and len(node.input) > 1


def _opset(model: onnx.ModelProto) -> int:
    return next(found.version for found in model.opset_import if found.domain in ("", "ai.onnx"))


def _younger(model: onnx.ModelProto, opset: int) -> list[tuple[str, str]]:
    """The operators that are younger than an opset and defined by others."""
    found: set[str] = set()
    for node in model.graph.node:
        if node.domain in ("", "ai.onnx"):
            schema: Any = defs.get_schema(node.op_type, _opset(model))  # of which onnx's types tell a part
            is_function = schema.has_function or schema.has_context_dependent_function
            if schema.since_version > opset and is_function:
                found.add(node.op_type)
    return [("", name) for name in sorted(found)]


def _without(functions: list[tuple[str, str]], model: onnx.ModelProto) -> onnx.ModelProto:
    if not functions:
        return model
    typed = shape_inference.infer_shapes(model)  # what some are defined by depends on their types
    typed.graph.value_info.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in typed.graph.initializer
    )
    result = inliner.inline_selected_functions(typed, functions, inline_schema_functions=True)
    del result.graph.value_info[:]
    return result


def _operator(error: Exception) -> str:
    words = str(error).strip().splitlines()[0]
    found = _UNKNOWN.search(words)
    return f"its operator {found[1]} has no form there" if found else words
