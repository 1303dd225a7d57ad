"""What every method of quantization ends in: which integers each tensor of a float ONNX model maps to.

A network of indices begins with a table of which they pick rows, as an embedding does:

    indices ─► Cast ─► Gather ◄─ table            (compression_ops.models.preprocessing.Indexed begins so)

An index that is rounded is another one, so none is mapped. A row is a weight and an activation at once: what Gather
gives has the integers of the table, and Gather moves bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx
from torch import Tensor

from compression_ops.quantization.affine import Affine

_WHOLE = frozenset(getattr(onnx.TensorProto, f"{sign}INT{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64))


@dataclass(frozen=True)
class QuantizationMapping:
    """Scales and zero points, calibrated or learned. A node with an operand or a result in neither part stays float.

    weights      by the name of the initializer: weights, and constants that are added or multiplied
    activations  by the name of the tensor: the model's input and what its nodes compute, one scale each
    rounded      by the name of the initializer: the integers, int [the weight's shape], of those that are not to be
                 the nearest ones

    Biases are in neither: they get the scale of the sums that they are added to.
    """

    weights: Mapping[str, Affine]
    activations: Mapping[str, Affine]
    rounded: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])


def indices(graph: onnx.GraphProto) -> frozenset[str]:
    """The tensors that nothing reads but as whole numbers."""
    others = {name for node in graph.node if not makes_whole(node) for name in node.input}
    others.update(value.name for value in graph.output)
    return frozenset(name for node in graph.node if makes_whole(node) for name in node.input if name not in others)


def makes_whole(node: onnx.NodeProto) -> bool:
    """Whether a node makes integers of what it reads."""
    return node.op_type == "Cast" and any(each.name == "to" and each.i in _WHOLE for each in node.attribute)


def tables(graph: onnx.GraphProto) -> dict[str, str]:
    """{what a Gather gives: the float constant of two axes of which computed indices pick rows}."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    fixed = {*constants, *(name for node in graph.node if node.op_type == "Constant" for name in node.output)}
    found = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Gather" and not any(each.i for each in node.attribute) and node.input[1] not in fixed
    }
    return {rows: name for rows, name in found.items() if name in constants and _is_table(constants[name])}


def _is_table(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2
