"""Time shift: Sainath & Parada 2015, "Convolutional Neural Networks for Small-footprint Keyword Spotting"."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class TimeShift(Spec):
    """Each recording begins earlier or later; silence comes after it, or before."""

    order: ClassVar[int] = 10
    modalities: ClassVar[tuple[str, ...]] = ("signal",)

    samples: int = Field(ge=1, le=1_000_000, description="Largest shift either way, in samples of the recording.")


def misfits(spec: TimeShift, shape: tuple[int]) -> tuple[Misfit, ...]:
    """A shift as long as the recording could leave nothing of it."""
    return () if spec.samples < shape[0] else (Misfit("samples", f"less than {shape[0]}, a recording's length"),)


def draw(spec: TimeShift, samples: int, shape: tuple[int], random: "Generator") -> "tuple[Tensor]":
    """How far each is moved, later where more than 0: int64 [N], uniform in -samples … samples."""
    import torch

    return (torch.randint(-spec.samples, spec.samples + 1, (samples,), generator=random),)


def transform(spec: TimeShift, pcm: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """Move a batch, float32 [B, T]: samples are moved, none is computed."""
    import torch

    length = pcm.shape[1]
    places = torch.arange(length, device=pcm.device) - drawn[0].unsqueeze(1)
    inside = (places >= 0) & (places < length)
    return pcm.gather(1, places.clamp(0, length - 1)) * inside
