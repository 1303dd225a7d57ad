"""Which layer of a quantized ONNX model is which of the float model that it was made of: by the name of its weight.

Weights keep their names when a model is quantized (see `integer_graph`), whatever is done to the other tensors.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx

_LAYERS = ("Conv", "Gemm", "MatMul")
_BOUNDS = ("Relu", "Clip")
# What may stand between a weight and the layer that it is of.
_ON_THE_WAY = ("DequantizeLinear", "Cast", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")


@dataclass(frozen=True)
class Ends:
    """What a layer reads and what it gives, by the names of tensors of one model."""

    input: str
    output: str


@dataclass(frozen=True)
class Pair:
    """A quantized layer: its weight's name, its operator, and its tensors in both models."""

    weight: str
    operator: str
    floats: Ends
    integers: Ends


def pairs(floats: onnx.ModelProto, integers: onnx.ModelProto) -> tuple[Pair, ...]:
    """The layers of `floats` that compute on integers in `integers`, in the order of computation.

    A layer's output is what the next one reads: after a Relu or Clip where its integers perform that, and rounded.
    """
    weights = {tensor.name for tensor in floats.graph.initializer if len(tensor.dims) > 1}
    first, second = _Graph(floats.graph, weights), _Graph(integers.graph, weights)
    uses = second.layers()
    found: list[Pair] = []
    for weight, nodes in first.layers().items():
        for node, twin in zip(nodes, uses.get(weight, []), strict=False):
            if second.is_dequantized(twin.input[1]):
                output, is_rounded = second.rounded(twin.output[0])
                bound = first.bound(node.output[0]) if is_rounded else None
                cut = bound is not None and second.bound(output) is None
                floats_end = Ends(node.input[0], bound if cut and bound is not None else node.output[0])
                found.append(Pair(weight, node.op_type, floats_end, Ends(twin.input[0], output)))
    order = {name: index for index, node in enumerate(floats.graph.node) for name in node.output}
    return tuple(sorted(found, key=lambda pair: order[pair.floats.output]))


class _Graph:
    """A graph by its tensors."""

    def __init__(self, graph: onnx.GraphProto, weights: set[str]) -> None:
        self._graph, self._weights = graph, weights
        self._producers: Mapping[str, onnx.NodeProto] = {name: node for node in graph.node for name in node.output}
        self._consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._consumers[name].append(node)

    def layers(self) -> dict[str, list[onnx.NodeProto]]:
        """{weight: the nodes that multiply by it, in order}."""
        found: dict[str, list[onnx.NodeProto]] = {}
        for node in self._graph.node:
            if node.op_type in _LAYERS:
                weight = next((name for name, _ in self._back(node.input[1]) if name in self._weights), None)
                if weight is not None:
                    found.setdefault(weight, []).append(node)
        return found

    def is_dequantized(self, name: str) -> bool:
        """Whether a weight's values come from integers."""
        return any(node is not None and node.op_type == "DequantizeLinear" for _, node in self._back(name))

    def bound(self, name: str) -> str | None:
        """What the one Relu or Clip gives that alone reads a tensor; None where there is none."""
        readers = self._consumers[name]
        return readers[0].output[0] if len(readers) == 1 and readers[0].op_type in _BOUNDS else None

    def rounded(self, name: str) -> tuple[str, bool]:
        """The float values of the integers that alone are made of a tensor, and True; else itself, and False."""
        reader = self._only_reader(name)
        if reader is None or reader.op_type != "QuantizeLinear":
            return name, False
        while reader is not None and reader.op_type in ("QuantizeLinear", *_BOUNDS):
            reader = self._only_reader(reader.output[0])
        is_dequantized = reader is not None and reader.op_type == "DequantizeLinear"
        return (reader.output[0], True) if reader is not None and is_dequantized else (name, False)

    def _only_reader(self, name: str) -> onnx.NodeProto | None:
        readers = self._consumers[name]
        return readers[0] if len(readers) == 1 else None

    def _back(self, name: str) -> Iterator[tuple[str, onnx.NodeProto | None]]:
        """The tensors from one back to what it was made of, each with the node that computes it, if one does."""
        while True:
            node = self._producers.get(name)
            yield name, node
            if node is None or node.op_type not in _ON_THE_WAY:
                return
            name = node.input[0]
