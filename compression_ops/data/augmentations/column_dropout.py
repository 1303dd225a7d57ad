"""Values of a table that go missing: input dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural
Networks from Overfitting"), without its rescaling, so that a network also learns to do without a value.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.data.modalities.table import Table
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class ColumnDropout(Spec):
    """Each value is missing with one probability: a number becomes NaN, a category code 0."""

    order: ClassVar[int] = 40
    modalities: ClassVar[tuple[str, ...]] = ("table",)

    rate: float = Field(gt=0, lt=1, description="Probability with which a value is missing.")


def misfits(spec: ColumnDropout, shape: tuple[int, ...]) -> tuple[Misfit, ...]:
    """None: any value can be missing."""
    return ()


def draw(spec: ColumnDropout, samples: int, shape: tuple[int, ...], random: "Generator") -> "tuple[Tensor]":
    """float32 [N, F], uniform in [0, 1): a larger rate drops what a smaller one does, and more."""
    import torch

    return (torch.rand(samples, *shape, generator=random),)


def transform(spec: ColumnDropout, values: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """float32 [B, F]."""
    import torch

    table = description.modality
    assert isinstance(table, Table)
    missing = torch.zeros(values.shape[1], dtype=torch.float32, device=values.device)
    missing[table.numbers()] = torch.nan
    return torch.where(drawn[0] < spec.rate, missing, values)
