"""A traced graph as a file: a safetensors file of the graph without its weights, and of the network's buffers.

The graph is checked by its digest, the buffers by those of the network that it is read for.
"""

import hashlib
import json
import uuid
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from compression_ops.onnx_model.template import Template

_MODEL, _PARAMETERS, _DIGEST, _BUFFER = "model", "parameters", "sha256", "buffer "


def write(found: Template, file: Path) -> None:
    """Keep a graph, for whoever may read its folder. A disk that is full or cannot be written to keeps none, and none
    is kept of a network with buffers that safetensors does not know, as complex or sparse ones.
    """
    model = onnx.ModelProto()
    model.CopyFrom(found.model)
    for tensor in model.graph.initializer:
        if tensor.name in found.parameters:  # whose numbers are drawn at random
            tensor.CopyFrom(onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type))
    serialized, parameters = model.SerializeToString(deterministic=True), json.dumps(dict(found.parameters))
    graph = torch.from_numpy(np.frombuffer(serialized, np.uint8).copy())
    with suppress(OSError, SafetensorError, KeyError, ValueError, RuntimeError):
        tensors = {f"{_BUFFER}{name}": buffer.contiguous().clone() for name, buffer in found.buffers.items()}
        content = save({_MODEL: graph, **tensors}, {_PARAMETERS: parameters, _DIGEST: _digest(serialized, parameters)})
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
        try:
            draft.write_bytes(content)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)


def read(file: Path) -> Template | None:
    """What was kept; None where nothing is, or where it was damaged."""
    try:
        with safe_open(file, "pt") as kept:
            names = kept.keys()
            tensors = {name: kept.get_tensor(name) for name in names}
            metadata = kept.metadata() or {}
        serialized, stated = tensors.pop(_MODEL).numpy().tobytes(), metadata[_PARAMETERS]
        if metadata[_DIGEST] != _digest(serialized, stated):
            return None
        model, parameters = onnx.ModelProto.FromString(serialized), json.loads(stated)
        buffers = {name.removeprefix(_BUFFER): tensor for name, tensor in tensors.items()}
        return Template(model, {str(name): str(of) for name, of in parameters.items()}, buffers)
    except (OSError, SafetensorError, DecodeError, ValueError, KeyError, AttributeError):
        return None


def _digest(serialized: bytes, parameters: str) -> str:
    return hashlib.sha256(serialized + parameters.encode()).hexdigest()
