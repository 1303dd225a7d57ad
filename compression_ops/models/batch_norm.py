"""Fold batch normalization into the convolution or linear layer before it.

In evaluation mode batch normalization is the affine map y = gamma (x - mean) / sqrt(var + eps) + beta of each channel,
so it merges exactly with the linear map that produced x (Jacob et al. 2018, section 3.2): what is quantized afterwards
are the weights that inference really uses.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn.utils.parametrize import is_parametrized

from compression_ops.models.duplicate import duplicate

_LOG = logging.getLogger(__name__)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_Linear = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
_BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


@dataclass(frozen=True)
class Folded:
    """A network without the batch normalizations that could be folded.

    model   a copy in evaluation mode; each folded batch normalization is an `nn.Identity` there
    folded  names of the batch normalizations that were folded
    kept    names of those that stay, since no linear layer directly and solely feeds them
    """

    model: nn.Module
    folded: tuple[str, ...]
    kept: tuple[str, ...]


def fold(model: nn.Module, input_shape: tuple[int, ...]) -> Folded:
    """Fold what can be folded exactly; leave the rest as it is. The argument is not changed.

    `input_shape` is that of one sample, without the batch. A layer is folded only where the computation graph proves it
    safe: the layer runs once, feeds nothing but the normalization, and shares its weights with no other layer. A
    network that torch.fx cannot trace (its control flow depends on data) keeps every normalization.
    """
    model = duplicate(model).eval()
    modules = dict(model.named_modules())
    names = [name for name, module in modules.items() if isinstance(module, _NORMALIZATIONS)]
    folded: list[str] = []
    if names:
        for layer_name, norm_name in list(_foldable_pairs(model, modules, input_shape)):
            layer, norm = modules[layer_name], modules[norm_name]
            assert isinstance(layer, _Linear)
            assert isinstance(norm, _BatchNorm)
            _merge(layer, norm)
            _replace(model, norm_name, nn.Identity())
            folded.append(norm_name)
    return Folded(model, tuple(folded), tuple(name for name in names if name not in folded))


def _foldable_pairs(
    model: nn.Module, modules: dict[str, nn.Module], input_shape: tuple[int, ...]
) -> Iterator[tuple[str, str]]:
    graph = _trace(model, input_shape)
    if graph is None:
        return
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    fetched = {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
    uses = Counter(id(parameter) for module in modules.values() for parameter in module.parameters(recurse=False))
    for node in graph.nodes:
        if node.op != "call_module" or type(modules.get(str(node.target))) not in _NORMALIZATIONS:
            continue
        source = node.args[0] if len(node.args) == 1 and not node.kwargs else None
        if not isinstance(source, fx.Node) or source.op != "call_module" or len(source.users) != 1:
            continue
        layer, norm = modules[str(source.target)], modules[str(node.target)]
        alone = calls[source.target] == 1 and calls[node.target] == 1 and str(source.target) not in fetched
        unshared = all(uses[id(parameter)] == 1 for parameter in layer.parameters(recurse=False))
        if alone and unshared and _normalizes_channels_of(layer, norm, source) and not _is_hooked(layer, norm):
            yield str(source.target), str(node.target)


def _trace(model: nn.Module, input_shape: tuple[int, ...]) -> fx.Graph | None:
    try:
        traced = fx.symbolic_trace(model)
        parameter = next(model.parameters())
        with torch.no_grad():
            ShapeProp(traced).propagate(torch.zeros(2, *input_shape, dtype=parameter.dtype, device=parameter.device))
    except Exception as error:  # noqa: BLE001 - tracing runs a user's forward on proxies: it may fail in any way
        _LOG.info("batch normalization stays as it is: the network cannot be traced: %s", error)
        return None
    return traced.graph


def _normalizes_channels_of(layer: nn.Module, norm: nn.Module, output: fx.Node) -> bool:
    """Whether `norm` scales the output channels of `layer` by running statistics."""
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or norm.running_var is None:
        return False
    if type(layer) in _CONVOLUTIONS:
        return True
    # On [N, L, C] a linear layer's channels are the last axis, those of BatchNorm1d the second: not the same.
    meta: Any = output.meta.get("tensor_meta")
    return type(layer) is nn.Linear and meta is not None and len(meta.shape) == 2


def _is_hooked(*modules: nn.Module) -> bool:
    # The weights of a parametrized layer are computed anew at each access, those of a hooked one may be.
    hooks = [(module._forward_hooks, module._forward_pre_hooks) for module in modules]  # pyright: ignore[reportPrivateUsage]
    return any(after or before for after, before in hooks) or any(is_parametrized(module) for module in modules)


@torch.no_grad()
def _merge(layer: _Linear, norm: _BatchNorm) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # In double precision, so that folding costs one rounding of each weight and no more.
    factor = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.affine:
        factor = factor * norm.weight.double()
    bias = torch.zeros_like(factor) if layer.bias is None else layer.bias.double()
    bias = (bias - norm.running_mean.double()) * factor
    if norm.affine:
        bias = bias + norm.bias.double()
    weight = layer.weight.double() * factor.view(-1, *[1] * (layer.weight.dim() - 1))
    layer.weight = nn.Parameter(weight.to(layer.weight.dtype), requires_grad=False)
    layer.bias = nn.Parameter(bias.to(layer.weight.dtype), requires_grad=False)


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
