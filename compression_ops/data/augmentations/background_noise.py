"""White noise under recordings: Ko, Peddinti, Povey, Seltzer & Khudanpur 2017, "A Study on Data Augmentation of
Reverberant Speech for Robust Speech Recognition", with noise that a computer makes.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description

_LOWEST, _HIGHEST = -32768, 32767
_RANGE = 30.0  # dB
_BITS = 32
_MASK = 2**_BITS - 1


class BackgroundNoise(Spec):
    """Each recording gets white noise of its own, at a signal-to-noise ratio that is drawn."""

    order: ClassVar[int] = 20
    modalities: ClassVar[tuple[str, ...]] = ("signal",)

    lowest_snr: float = Field(
        ge=-20, le=60, description="The lowest signal-to-noise ratio, in dB; the highest is 30 dB above."
    )


def misfits(spec: BackgroundNoise, shape: tuple[int]) -> tuple[Misfit, ...]:
    """None: any recording can have noise."""
    return ()


def draw(spec: BackgroundNoise, samples: int, shape: tuple[int], random: "Generator") -> "tuple[Tensor, Tensor]":
    """The ratios in dB, float32 [N]; and from where on each recording's noise counts, int64 [N], below 2³²."""
    import torch

    ratios = spec.lowest_snr + _RANGE * torch.rand(samples, generator=random)
    return ratios, torch.randint(0, 2**_BITS, (samples,), generator=random)


def transform(
    spec: BackgroundNoise, pcm: "Tensor", drawn: "tuple[Tensor, Tensor]", description: "Description"
) -> "Tensor":
    """float32 [B, T]: uniform noise whose power is that of the whole recording, less the ratio; clipped to 16 bits.

    The power is a sum of whole numbers, which is exact in any order.
    """
    import torch

    ratios, starts = drawn
    power = pcm.round().long().square().sum(dim=1, keepdim=True).to(torch.float64) / pcm.shape[1]
    amplitude = (3 * power).sqrt() * 10 ** (-ratios.to(torch.float64).unsqueeze(1) / 20)
    return (pcm + amplitude.to(torch.float32) * white(starts, pcm.shape[1])).clamp_(_LOWEST, _HIGHEST)


def white(starts: "Tensor", length: int) -> "Tensor":
    """Uniform in -1 … 1, float32 [B, length]: a hash of start + place (Wellons 2018, "Prospecting for Hash Functions",
    lowbias32), so the noise of a recording is the same in any batch.
    """
    import torch

    places = torch.arange(length, device=starts.device)
    value = (_mixed(starts.unsqueeze(1)) + places) & _MASK
    return _mixed(value).to(torch.float32) * 2 ** (1 - _BITS) - 1


def _mixed(value: "Tensor") -> "Tensor":
    """int64 below 2³² -> the same. Products wrap around, and their lower 32 bits are right."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ((value ^ (value >> shift)) * factor) & _MASK
    return value ^ (value >> 16)
