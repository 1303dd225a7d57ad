"""Mixup: Zhang, Cissé, Dauphin & Lopez-Paz 2018, "mixup: Beyond Empirical Risk Minimization" (arXiv 1710.09412)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Mixup(Spec):
    """Each sample of a view is mixed with another one of it: λ of the one, 1 - λ of the other, λ from Beta(α, α).

    The paper draws λ for a batch, and pairs the samples of that batch. Here both are drawn for the samples of a view,
    so that a view is the same whatever the batches: a teacher answers to the very mixture that a student sees.
    """

    order: ClassVar[int] = 50
    mixes: ClassVar[bool] = True

    alpha: float = Field(gt=0, le=100, description="Of Beta(α, α): small ones mix little, 1 is uniform.")


def misfits(spec: Mixup, shape: tuple[int, int, int]) -> tuple[Misfit, ...]:
    """None: images of one size can be mixed."""
    return ()


def draw(spec: Mixup, samples: int, shape: tuple[int, int, int], random: "Generator") -> "tuple[Tensor, Tensor]":
    """With which sample each is mixed, int64 [N], a permutation; and its own share λ, float32 [N].

    λ is the quantile of Beta(α, α) at a uniform number, so that another α leaves pairs and ranks.
    """
    import torch
    from scipy import special

    others = torch.randperm(samples, generator=random)
    uniform = torch.rand(samples, dtype=torch.float64, generator=random)
    return others, torch.from_numpy(special.betaincinv(spec.alpha, spec.alpha, uniform.numpy())).float()


def mix(spec: Mixup, pixels: "Tensor", others: "Tensor", drawn: "tuple[Tensor, Tensor]") -> "Tensor":
    """λ · pixels + (1 - λ) · others, both float32 [B, C, H, W]."""
    share = drawn[1].view(-1, 1, 1, 1)
    return share * pixels + (1 - share) * others
