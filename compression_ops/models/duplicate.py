"""A copy of any network that shares nothing with it."""

import copy
from typing import TypeVar

from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def duplicate(model: Module) -> Module:
    """As `copy.deepcopy`, also where modules keep tensors that they computed.

    torch's former weight_norm and spectral_norm keep the weight of the last call beside its factors; deepcopy refuses
    such a tensor, since it hangs in a graph. The copy has its value, and computes it anew at its next call.
    """
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)
