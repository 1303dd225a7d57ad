"""Noise on the numbers of a table: Gaussian, in units of each column's standard deviation (Bishop 1995, "Training with
Noise is Equivalent to Tikhonov Regularization").
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.data.modalities.table import Table
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class ColumnNoise(Spec):
    """Each number is moved by a normally distributed amount; missing ones and categories stay as they are."""

    order: ClassVar[int] = 30
    modalities: ClassVar[tuple[str, ...]] = ("table",)

    deviation: float = Field(
        gt=0, le=10, description="Standard deviation of the noise, in those of the columns; 0.1 is little."
    )


def misfits(spec: ColumnNoise, shape: tuple[int, ...]) -> tuple[Misfit, ...]:
    """None: a row without numbers stays as it is."""
    return ()


def draw(spec: ColumnNoise, samples: int, shape: tuple[int, ...], random: "Generator") -> "tuple[Tensor]":
    """float32 [N, F], standard normal, so that another deviation leaves the draws."""
    import torch

    return (torch.randn(samples, *shape, generator=random),)


def transform(spec: ColumnNoise, values: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """x + deviation · std · drawn, float32 [B, F], in the columns of numbers."""
    import torch

    table = description.modality
    assert isinstance(table, Table)
    scale = torch.zeros(len(description.std), dtype=torch.float32, device=values.device)
    for index in table.numbers():
        scale[index] = spec.deviation * description.std[index]
    return values + scale * drawn[0]
