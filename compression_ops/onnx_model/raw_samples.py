"""Models that take samples as users have them, and normalize inside: of images what a camera gives.

The operations are those of `dataset.normalize` in its order (see compression_ops.data.modalities), so the logits are to
the bit those of the network on samples that were normalized outside. onnxruntime refuses floats for pixels, whatever
their range.
"""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# NumPy's names of the types that onnxruntime's sessions name otherwise.
_OF_SESSIONS = {"float": "float32", "double": "float64"}


def normalizing(model: onnx.ModelProto, description: Description) -> onnx.ModelProto:
    """`model`, whose input is normalized [batch, ...], as one whose input is raw samples: of images `pixels`, uint8
    [batch, C, H, W].

    One that takes them already comes back equal. Metadata and operator versions stay; the argument is not changed.
    Raises ModelError for a model of other inputs, or of samples of another shape.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    if takes_raw(model, description):
        return result
    graph, modality = result.graph, description.modality
    _check(graph, description)
    nodes = modality.nodes(graph.input[0].name, description, _unused(graph, modality.input_name))
    network = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *network])
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(modality.dtype))
    graph.input.append(helper.make_tensor_value_info(modality.input_name, kind, ["batch", *description.shape]))
    return result


def takes_raw(model: "onnx.ModelProto | InferenceSession", description: Description) -> bool:
    """Whether a model, or the one that a session was opened over, takes raw samples of the data."""
    if isinstance(model, onnx.ModelProto):
        taken = model.graph.input[0]
        own = helper.tensor_dtype_to_np_dtype(taken.type.tensor_type.elem_type).name
        return description.modality.is_raw(taken.name, own)
    asked = model.get_inputs()[0]
    kind: str = asked.type.removeprefix("tensor(").removesuffix(")")
    return description.modality.is_raw(asked.name, _OF_SESSIONS.get(kind) or kind)


def normalize(samples: NDArray[Any], description: Description) -> NDArray[Any]:
    """Raw samples -> the input of a network, to the bit that of `dataset.normalize`, without torch."""
    return description.modality.normalize_array(samples, description)


def inputs(session: "InferenceSession", samples: NDArray[Any], description: Description) -> NDArray[Any]:
    """Raw samples as the session takes them: as they are, or normalized for one that is a network alone."""
    return samples if takes_raw(session, description) else normalize(samples, description)


def _check(graph: onnx.GraphProto, description: Description) -> None:
    taken = [
        (value.name, TensorProto.DataType.Name(value.type.tensor_type.elem_type), _sizes(value))
        for value in graph.input
    ]
    wanted = list(description.input_shape)
    if len(taken) != 1 or taken[0][1:] != ("FLOAT", wanted):
        raise ModelError(
            f"the model takes {taken}; normalization can be put before one float32 input of "
            f"{description.modality.noun} {wanted}, the shape of the data"
        )


def _sizes(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim][1:]


def _unused(graph: onnx.GraphProto, name: str) -> Iterator[str]:
    """Names of no tensor of the graph, nor `name`, short ones first."""
    used = {name, *(value.name for value in (*graph.input, *graph.output, *graph.initializer))}
    used.update(name for node in graph.node for name in (*node.input, *node.output))
    return (name for name in (f"n{index}" for index in itertools.count()) if name not in used)
