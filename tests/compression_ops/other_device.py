"""A second device on any machine: torch's fake tensors know where each of them lies, and refuse to mix two places."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from compression_ops.models import memory_format, randomness

# The one device beside the processor that needs no driver for its backward pass. Nothing is computed there.
DEVICE = "meta"
_NUMBER = 0.5


def _apply(self: nn.Module, convert: Any, recurse: bool = True) -> nn.Module:
    """`Module._apply` that replaces tensors: torch's own swaps fake ones, and cannot where something refers to them."""
    for module in self.children() if recurse else ():
        module._apply(convert)
    for name, parameter in self._parameters.items():
        if parameter is not None:
            with torch.no_grad():
                self._parameters[name] = nn.Parameter(convert(parameter), parameter.requires_grad)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = convert(buffer)
    return self


@contextlib.contextmanager
def present(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, there is another device. Whatever asks for the value of a tensor is told 0.5."""
    monkeypatch.setattr(nn.Module, "_apply", _apply)
    monkeypatch.setattr(Tensor, "item", lambda self: _NUMBER)
    monkeypatch.setattr(Tensor, "__bool__", lambda self: True)
    # The state of a generator is written into the memory of a tensor, which a fake one has not.
    monkeypatch.setattr(randomness, "kept", lambda _: contextlib.nullcontext())
    # Nor has it a storage that `copy.deepcopy` could copy.
    monkeypatch.setattr(memory_format, "duplicate", lambda model: model)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield
