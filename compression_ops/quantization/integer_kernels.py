"""Which nodes of a model onnxruntime really computes in integers, read from the graph that it runs."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx

from compression_ops.onnx_model import session

# These convert or move values and compute none, so they count neither way.
_NEUTRAL = {
    *("QuantizeLinear", "DequantizeLinear", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"),
    *("Cast", "Concat", "Split", "Slice", "Gather", "Pad", "Shape", "ReorderInput", "ReorderOutput"),
}
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
    found = Counter(node.op_type for node in nodes if node.op_type not in _NEUTRAL)
    integer = {op: count for op, count in sorted(found.items()) if op.startswith(_INTEGER)}
    return Kernels(integer, {op: count for op, count in sorted(found.items()) if op not in integer})
