"""ONNX nodes that make a network's input of the raw values of a table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto

Numbers = tuple[Sequence[int], Sequence[float], Sequence[float]]
Marks = tuple[Sequence[int], Sequence[float]]


def build(values: str, output: str, names: Iterator[str], numbers: Numbers, marks: Marks) -> "list[NodeProto]":
    """From `values`, float32 [N, F], to `output`, float32 [N, F'], by operators of opset 13 and later.

    names    free ones
    numbers  the columns, and the means and standard deviations, of those of numbers
    marks    the column and the code of each name of each category; either may be of none, not both
    """
    from onnx import helper

    nodes: list[NodeProto] = []
    parts: list[str] = []
    if numbers[0]:
        parts.append(_standardized(nodes, values, names, numbers))
    if marks[0]:
        parts.append(_one_hot(nodes, values, names, marks))
    nodes.append(helper.make_node("Concat", parts, [output], axis=1))
    return nodes


def _standardized(nodes: "list[NodeProto]", values: str, names: Iterator[str], numbers: Numbers) -> str:
    """(x - mean) / std, 0 for NaN."""
    columns, mean, std = numbers
    chosen = _chosen(nodes, values, names, columns)
    centred = _node(nodes, names, "Sub", chosen, _floats(nodes, names, mean))
    scaled = _node(nodes, names, "Div", centred, _floats(nodes, names, std))
    is_missing = _node(nodes, names, "IsNaN", chosen)
    return _node(nodes, names, "Where", is_missing, _floats(nodes, names, [0.0]), scaled)


def _one_hot(nodes: "list[NodeProto]", values: str, names: Iterator[str], marks: Marks) -> str:
    """1 where a column holds a code, else 0."""
    from onnx import TensorProto, helper

    columns, codes = marks
    is_it = _node(nodes, names, "Equal", _chosen(nodes, values, names, columns), _floats(nodes, names, codes))
    result = next(names)
    nodes.append(helper.make_node("Cast", [is_it], [result], to=TensorProto.FLOAT))
    return result


def _chosen(nodes: "list[NodeProto]", values: str, names: Iterator[str], columns: Sequence[int]) -> str:
    import numpy as np
    from onnx import helper, numpy_helper

    indices, result = next(names), next(names)
    tensor = numpy_helper.from_array(np.array(columns, np.int64))
    nodes.append(helper.make_node("Constant", [], [indices], value=tensor))
    nodes.append(helper.make_node("Gather", [values, indices], [result], axis=1))
    return result


def _floats(nodes: "list[NodeProto]", names: Iterator[str], values: Sequence[float]) -> str:
    import numpy as np
    from onnx import helper, numpy_helper

    constant = next(names)
    tensor = numpy_helper.from_array(np.array(values, np.float32))
    nodes.append(helper.make_node("Constant", [], [constant], value=tensor))
    return constant


def _node(nodes: "list[NodeProto]", names: Iterator[str], operator: str, *inputs: str) -> str:
    from onnx import helper

    result = next(names)
    nodes.append(helper.make_node(operator, list(inputs), [result]))
    return result
