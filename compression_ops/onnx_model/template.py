"""An exported graph without its weights, which serves every training of the same network.

Tracing a network takes half a second, filling in weights a hundredth. The graph is traced with numbers drawn at random
in the place of every parameter, so that each initializer shows which parameter it holds. A graph with an initializer
that is computed from one, such as a folded product, serves nobody: then each network is traced with its own weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from compression_ops.models.duplicate import duplicate
from compression_ops.onnx_model.session import open_session, predict

_SAMPLES = 2
_TOLERANCE = 1e-3  # of the range of torch's logits
_SEED = 0


@dataclass(frozen=True)
class Template:
    """A float ONNX model, and what it was made of.

    parameters  {initializer: parameter}
    buffers     of the network: the graph may have been made by their values
    """

    model: onnx.ModelProto
    parameters: Mapping[str, str]
    buffers: Mapping[str, Tensor]

    def filled(self, model: nn.Module) -> onnx.ModelProto | None:
        """With the parameters of a network of the same structure, in evaluation mode and on the processor; None where
        its parameters or buffers are others, or where it does not compute what the network does on two samples.
        """
        state, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        if buffers.keys() != self.buffers.keys() or not state.keys() >= set(self.parameters.values()):
            return None
        if not all(_same(buffer, self.buffers[name]) for name, buffer in buffers.items()):
            return None
        filled = onnx.ModelProto()
        filled.CopyFrom(self.model)
        for tensor in filled.graph.initializer:
            if tensor.name in self.parameters:
                parameter = state[self.parameters[tensor.name]]
                if tuple(tensor.dims) != tuple(parameter.shape):
                    return None
                tensor.CopyFrom(numpy_helper.from_array(_array(parameter), tensor.name))
        return filled if _agrees(filled, model) else None


def of_network(model: nn.Module, export: Callable[[nn.Module], onnx.ModelProto]) -> Template | None:
    """The template of a network in evaluation mode on the processor; None where an initializer is none of its
    parameters, or the graph would be another with other numbers. `export` traces a network.
    """
    drawn = duplicate(model)
    random = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in drawn.parameters():
            if parameter.is_floating_point():
                parameter.copy_(torch.randn(parameter.shape, generator=random))
    traced = export(drawn)
    known = {_digest(_array(parameter)): name for name, parameter in drawn.named_parameters()}
    fixed = {_digest(_array(buffer)) for buffer in drawn.buffers()}
    parameters: dict[str, str] = {}
    for tensor in traced.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if (digest := _digest(array)) in known:
            parameters[tensor.name] = known[digest]
        elif np.issubdtype(array.dtype, np.floating) and digest not in fixed:
            return None
    return Template(traced, parameters, {name: buffer.clone() for name, buffer in model.named_buffers()})


def _digest(array: NDArray[np.generic]) -> tuple[object, ...]:
    return array.dtype.str, array.shape, array.tobytes()


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return tensor.detach().contiguous().numpy()


def _same(first: Tensor, second: Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first, second)


def _agrees(filled: onnx.ModelProto, model: nn.Module) -> bool:
    """Also where a branch of its forward depends on its weights, so that its graph is another."""
    shape = [dimension.dim_value for dimension in filled.graph.input[0].type.tensor_type.shape.dim[1:]]
    sample = torch.randn(_SAMPLES, *shape, generator=torch.Generator().manual_seed(_SEED))
    with torch.no_grad():
        expected = model(sample).numpy()
    found = predict(open_session(filled.SerializeToString()), sample.numpy(), _SAMPLES)
    return bool(np.abs(found - expected).max() <= _TOLERANCE * np.ptp(expected))
