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

_UNKNOWN = re.compile(r"(?:of|for) (\w+)(?: exists)?$")


def lowered(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """An equal model in that opset, and in the oldest IR that has it; the argument is not changed.

    Operators that ONNX defines by others, such as Gelu, are replaced by these where the opset does not have them.
    Raises ModelError, which names the operator, where one has no older form.
    """
    if opset >= _opset(model):
        return model
    try:
        result = version_converter.convert_version(_without(_younger(model, opset), model), opset)
        result.ir_version = helper.find_min_ir_version_for(result.opset_import)
        onnx.checker.check_model(result, full_check=True)
    except Exception as error:  # onnx raises classes of its C++ side
        raise ModelError(
            f"the model cannot be written in opset {opset}: {_operator(error)}. Allowed is a larger `opset`, or a "
            "network without that operator"
        ) from error
    return result


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
