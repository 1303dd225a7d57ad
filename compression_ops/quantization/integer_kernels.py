"""Which nodes of a model onnxruntime really computes in integers, read from the graph that it runs."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx

from compression_ops.onnx_model import session
from compression_ops.quantization.mapping import makes_whole

# These convert or move values and compute none, so they count neither way.
_MOVING = {
    *(
        "Transpose",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Identity",
        "Concat",
        "Split",
        "Slice",
        "Gather",
        "Pad",
    ),
}
_NEUTRAL = {*_MOVING, "QuantizeLinear", "DequantizeLinear", "Cast", "Shape", "ReorderInput", "ReorderOutput"}
LIMIT = "highest_"  # the beginning of the name of a bound that holds bytes to fewer than 8 bits
_INTEGER = ("QLinear", "QGemm", "MatMulInteger", "ConvInteger", "NhwcMaxPool")  # beginnings of their names


@dataclass(frozen=True)
class Kernels:
    """integer    computing nodes that run on integers, by operator
    floating   computing nodes that run on floats, by operator
    """

    integer: dict[str, int]
    floating: dict[str, int]

    @property
    def integer_share(self) -> float:
        """Integer nodes among those that compute, in [0, 1]."""
        integer, floating = sum(self.integer.values()), sum(self.floating.values())
        return integer / (integer + floating) if integer + floating else 0.0


def kernels(model: bytes) -> Kernels:
    """Open a session over serialized ONNX and count the nodes of its optimized graph."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        session.open_session(model, optimized=path)
        nodes = onnx.load(path).graph.node
    integer, floating = Counter[str](), Counter[str]()
    integers, indices = _integer_tensors(nodes), _indices(nodes)
    for node in nodes:
        if node.op_type not in _NEUTRAL and not _limits(node) and not (_either(node) and node.input[0] in indices):
            runs_on_integers = node.op_type.startswith(_INTEGER) or (_either(node) and node.input[0] in integers)
            (integer if runs_on_integers else floating)[node.op_type] += 1
    return Kernels(dict(sorted(integer.items())), dict(sorted(floating.items())))


def _integer_tensors(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    integers: set[str] = set()
    for node in nodes:
        # The scale of its output is the eighth input of QGemm; without it the output is float.
        writes = node.op_type.startswith(_INTEGER) and (node.op_type != "QGemm" or len(node.input) > 7)
        passes = (_either(node) or node.op_type in _MOVING) and node.input[0] in integers
        if writes or passes or node.op_type == "QuantizeLinear":
            integers.update(node.output)
    return integers


def _indices(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Whole numbers that stand for places, be they limited; what limits them computes no value."""
    indices: set[str] = set()
    for node in nodes:
        if makes_whole(node) or (_either(node) and node.input[0] in indices):
            indices.update(node.output)
    return indices


def _limits(node: onnx.NodeProto) -> bool:
    """Whether it makes a quantization one of fewer bits, which computes no more than the quantization does."""
    return node.op_type == "Clip" and len(node.input) > 2 and node.input[2].startswith(LIMIT)


def _either(node: onnx.NodeProto) -> bool:
    """Whether the same kernel takes integers and floats."""
    return node.op_type in ("MaxPool", "Clip")
