"""Several networks as one: its logits are the mean of theirs.

Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network", section 5: an ensemble as the teacher.
Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles": networks
that differ by their seed alone suffice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from compression_ops.errors import ModelError
from compression_ops.models.network import Network
from compression_ops.models.network import build as build_network

_ARCHITECTURE = f"{__name__}:build"


class Ensemble(nn.Module):
    """Maps float32 [N, C, H, W] to the mean of its members' logits, [N, classes]."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([member(images) for member in self.members]).mean(dim=0)


def build(input_shape: tuple[int, int, int], classes: int, member: Mapping[str, Any], members: int) -> nn.Module:
    """So many untrained networks of one kind; `member` has the fields of its `Network` that the others leave open."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in member.items()
    }
    network = Network(input_shape=input_shape, classes=classes, **fields)
    return Ensemble([build_network(network) for _ in range(members)])


def network_of(members: Sequence[Network]) -> Network:
    """The network that an ensemble of trained networks is saved as. Raises ModelError where they differ."""
    first = members[0]
    if any(asdict(each) != asdict(first) for each in members):
        raise ModelError("the members of the ensemble are different networks; train them all from one recipe")
    fields = asdict(first)
    shape, classes = fields.pop("input_shape"), fields.pop("classes")
    return Network(_ARCHITECTURE, shape, classes, {"member": fields, "members": len(members)})
