"""A network of which some layers run on integers and others stay float: what is mapped where they meet.

A node without weights of a layer runs as what it reads does, since values that were computed on integers are cheaper
to move and to pool as bytes: on integers, if all that it reads was computed so. What reads only the network's input
runs as what reads it.
"""

from collections.abc import Collection, Iterable

import onnx

from compression_ops.quantization.mapping import QuantizationMapping


def restricted(graph: onnx.GraphProto, mapping: QuantizationMapping, floats: Collection[str]) -> QuantizationMapping:
    """The mapping without the layers whose weights are `floats`, and without what is computed between them alone."""
    if not floats:
        return mapping
    layers = {name for name, affine in mapping.weights.items() if affine.integers.low < 0}
    runs = _after_layers(graph, mapping, layers, set(floats))
    _before_layers(graph, runs)
    kept = {
        name
        for index, node in enumerate(graph.node)
        if runs[index]
        for name in (*node.input, *node.output)
        if name not in floats
    }
    return QuantizationMapping(
        {name: affine for name, affine in mapping.weights.items() if name in kept},
        {name: affine for name, affine in mapping.activations.items() if name in kept},
        {name: integers for name, integers in mapping.rounded.items() if name in kept},
    )


def _after_layers(
    graph: onnx.GraphProto, mapping: QuantizationMapping, layers: set[str], floats: set[str]
) -> list[bool | None]:
    """Of each node, whether it runs on integers; None where it reads nothing that a layer computed."""
    computed: dict[str, bool | None] = {}
    runs: list[bool | None] = []
    for node in graph.node:
        read = [computed[name] for name in node.input if computed.get(name) is not None]
        if not floats.isdisjoint(node.input):
            own: bool | None = False
        elif any(name in layers for name in node.input):
            own = True
        else:
            own = all(read) and all(name in mapping.activations for name in node.output) if read else None
        runs.append(own)
        computed.update(dict.fromkeys(node.output, own))
    return runs


def _before_layers(graph: onnx.GraphProto, runs: list[bool | None]) -> None:
    """Of the others: on integers, if all that reads them does."""
    readers: dict[str, list[int]] = {}
    for index, node in enumerate(graph.node):
        for name in node.input:
            readers.setdefault(name, []).append(index)
    for index in reversed(range(len(runs))):
        if runs[index] is None:
            after = _readers(readers, graph.node[index].output)
            runs[index] = bool(after) and all(runs[each] for each in after)


def _readers(readers: dict[str, list[int]], names: Iterable[str]) -> list[int]:
    return [index for name in names for index in readers.get(name, [])]
