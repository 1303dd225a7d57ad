"""How a network's images and weights lie in memory: channels last, twice as fast, wherever the network can take it."""

from contextlib import suppress

import torch
from torch import Tensor, nn

from compression_ops.models import randomness
from compression_ops.models.duplicate import duplicate

_LAST, _FIRST = torch.channels_last, torch.contiguous_format


def adopt(model: nn.Module, sample: Tensor) -> torch.memory_format:
    """Put a network's weights in place into the memory format that it runs in, and return that.

    A network that calls `view` on what a convolution gives runs with the channels first alone. It is tried on copies,
    forwards and backwards in training mode and forwards in evaluation mode, on `sample`, float32 [2, C, H, W]; where
    it runs in neither format it stays with the channels last, and fails where it is used.
    """
    form = _FIRST if not _runs(model, sample, _LAST) and _runs(model, sample, _FIRST) else _LAST
    with suppress(RuntimeError):  # of weights that have no such format, where the network runs in neither
        model.to(memory_format=form)
    return of(model)


def of(model: nn.Module) -> torch.memory_format:
    """The memory format of a network's weights, in which its inputs belong. Those of a volume have one alone."""
    images = [weight for weight in model.parameters() if weight.dim() in (4, 5)]
    return _FIRST if images and all(weight.is_contiguous() for weight in images) else _LAST


def laid(inputs: Tensor, form: torch.memory_format) -> Tensor:
    """A network's inputs in a memory format, of which those that are no images [N, C, H, W] have one alone."""
    return inputs.contiguous(memory_format=form) if inputs.dim() == 4 else inputs.contiguous()


def _runs(model: nn.Module, sample: Tensor, form: torch.memory_format) -> bool:
    """Without a trace: neither in the network nor in torch's generators."""
    with randomness.kept(sample.device), torch.enable_grad():
        try:
            tried = duplicate(model).to(memory_format=form)
            inputs = laid(sample, form)
            tried.eval()(inputs)
            _total(tried.train()(inputs)).backward()  # pyright: ignore[reportUnknownMemberType]
        except Exception:  # noqa: BLE001 - somebody's forward may fail in any way
            return False
    return True


def _total(output: object) -> Tensor:
    """The sum of all tensors that a forward returns, in whatever containers."""
    leaves = torch.utils._pytree.tree_leaves(output)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    return torch.stack([leaf.float().sum() for leaf in leaves if isinstance(leaf, Tensor)]).sum()
