"""Models that take what a camera gives: uint8 pixels, normalized inside.

    pixels, uint8 [batch, C, H, W] ─► Cast ─► ÷ 255 ─► − mean ─► ÷ std ─► the network

These are the operations of `dataset.normalize` in its order, so the logits are to the bit those of the network on
images that were normalized outside. onnxruntime refuses floats for such an input, whatever their range.
"""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INPUT = "pixels"
_UINT8 = "tensor(uint8)"


def normalizing(model: onnx.ModelProto, description: Description) -> onnx.ModelProto:
    """`model`, whose input is float32 [batch, C, H, W], as one whose input is `pixels`, uint8 [batch, C, H, W].

    One that takes uint8 already comes back equal. Metadata and operator versions stay; the argument is not changed.
    Raises ModelError for a model of other inputs, or of images of another shape.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    if takes_pixels(model):
        return result
    graph = result.graph
    _check(graph, description)
    images = graph.input[0]
    nodes = _normalization(images.name, description, _unused(graph))
    network = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *network])
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", *description.shape]))
    return result


def takes_pixels(model: "onnx.ModelProto | InferenceSession") -> bool:
    """Whether the first input of a model, or of the one that a session was opened over, is uint8."""
    if isinstance(model, onnx.ModelProto):
        return model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    return model.get_inputs()[0].type == _UINT8


def normalize(images: NDArray[np.uint8], description: Description) -> NDArray[np.float32]:
    """uint8 [N, C, H, W] -> the float32 input of a network, to the bit that of `dataset.normalize`, without torch."""
    mean = np.array(description.mean, np.float32).reshape(1, -1, 1, 1)
    std = np.array(description.std, np.float32).reshape(1, -1, 1, 1)
    return (images.astype(np.float32) / np.float32(255) - mean) / std


def inputs(
    session: "InferenceSession", images: NDArray[np.uint8], description: Description
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """uint8 [N, C, H, W] as the session takes them: as they are, or normalized for a network that takes floats."""
    return images if takes_pixels(session) else normalize(images, description)


def _check(graph: onnx.GraphProto, description: Description) -> None:
    taken = [
        (value.name, TensorProto.DataType.Name(value.type.tensor_type.elem_type), _sizes(value))
        for value in graph.input
    ]
    if len(taken) != 1 or taken[0][1:] != ("FLOAT", list(description.shape)):
        raise ModelError(
            f"the model takes {taken}; normalization can be put before one float32 input of images "
            f"{list(description.shape)}, the shape of the data"
        )


def _sizes(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim][1:]


def _normalization(output: str, description: Description, names: Iterator[str]) -> list[onnx.NodeProto]:
    """Constants are nodes, not initializers: nothing that was learned is added."""
    nodes = [helper.make_node("Cast", [INPUT], [next(names)], to=TensorProto.FLOAT)]
    for operator, values in (("Div", (255.0,)), ("Sub", description.mean), ("Div", description.std)):
        constant, result = next(names), next(names)
        array = np.array(values, np.float32)
        tensor = numpy_helper.from_array(array.reshape((-1, 1, 1) if len(values) > 1 else ()))
        nodes.insert(0, helper.make_node("Constant", [], [constant], value=tensor))
        nodes.append(helper.make_node(operator, [nodes[-1].output[0], constant], [result]))
    nodes[-1].output[0] = output
    return nodes


def _unused(graph: onnx.GraphProto) -> Iterator[str]:
    """Names of no tensor of the graph, short ones first."""
    used = {INPUT, *(value.name for value in (*graph.input, *graph.output, *graph.initializer))}
    used.update(name for node in graph.node for name in (*node.input, *node.output))
    return (name for name in (f"n{index}" for index in itertools.count()) if name not in used)
