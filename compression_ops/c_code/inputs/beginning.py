"""Where a program begins: with what a model's file computes of a raw sample before its network."""

import itertools

import onnx

from compression_ops.c_code.building import Building, Value
from compression_ops.c_code.inputs import images, signal, table, tokens
from compression_ops.errors import ModelError

# Of samples that a table of 256 entries, or none, is enough for the nodes are read one by one.
_NODE_BY_NODE = {"images": images.begin, "tokens": tokens.begin}
_AS_A_WHOLE = {"table": table.begin, "signal": signal.begin}


def of(building: Building, graph: onnx.GraphProto) -> tuple[dict[str, Value], int]:
    """What names stand for at the beginning, and how many of the first nodes are no part of the network.

    Raises ModelError for samples that C code does not take, and for a model whose first nodes are others than those
    which such samples are normalized by.
    """
    modality = building.description.modality
    if begin := _NODE_BY_NODE.get(modality.type):
        return {graph.input[0].name: begin(building)}, 0
    begin = _AS_A_WHOLE.get(modality.type)
    if begin is None:
        allowed = sorted([*_NODE_BY_NODE, *_AS_A_WHOLE])
        raise ModelError(
            f"{building.model}: takes {modality.noun}; C code is generated for models of {', '.join(allowed)}. Take "
            "the targets onnx, ort_mobile or openvino"
        )
    names = (f"given{index}" for index in itertools.count())
    expected = [node.op_type for node in modality.nodes("network", building.description, names)]
    first = len(expected)
    found = [node.op_type for node in graph.node[:first]]
    if found != expected:
        raise ModelError(
            f"{building.model}: begins with {', '.join(found)}; allowed is what {modality.noun} are normalized by: "
            f"{', '.join(expected)}. Take the `model.onnx` as a quantized student's stage writes it"
        )
    return {graph.node[first - 1].output[0]: begin(building)}, first
