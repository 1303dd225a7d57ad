"""Log-mel energies: the spectrum of short frames, summed in bands that are as wide as people hear them.

Davis & Mermelstein 1980, "Comparison of Parametric Representations for Monosyllabic Word Recognition", without its last
step, the cosine transform. The mel scale is HTK's (O'Shaughnessy 1987), 2595 log10(1 + f / 700); bands are triangles in
Hz between edges at equal distances on it, as those of `torchaudio.functional.melscale_fbanks`, each of height 1.

PCM [N, T] ─► frames × Hann window ─► |DFT|² ─► × triangles ─► log(x + 1e-7) [N, mels, frames]
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

FULL_SCALE = 32768
# A sine of full scale has the power 1; what is 70 dB below it is told apart no more.
FLOOR = 1e-7


@dataclass(frozen=True)
class LogMel:
    """rate in Hz; frame, hop in samples; low, high: the outer edges of the bands in Hz."""

    rate: int
    frame: int
    hop: int
    mels: int
    low: float
    high: float

    def frames(self, samples: int) -> int:
        """How many frames lie wholly in so many samples."""
        return max(0, 1 + (samples - self.frame) // self.hop)

    @property
    def bins(self) -> range:
        """Those of the DFT whose frequencies lie between `low` and `high`, within the spectrum."""
        last = min(math.ceil(self.high * self.frame / self.rate) - 1, self.frame // 2)
        return range(math.floor(self.low * self.frame / self.rate) + 1, last + 1)

    @cached_property
    def edges(self) -> "NDArray[np.float32]":
        """Of the bands, [mels + 2] in Hz: band m rises from edge m to m + 1 and falls to m + 2."""
        import numpy as np

        low, high = (2595 * math.log10(1 + each / 700) for each in (self.low, self.high))
        return (700 * (10 ** (np.linspace(low, high, self.mels + 2) / 2595) - 1)).astype(np.float32)

    @cached_property
    def window(self) -> "NDArray[np.float32]":
        """A periodic Hann window [frame], by which a sine of full scale gets the power 1."""
        import numpy as np

        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)
        return (hann * self.scale).astype(np.float32)

    @property
    def scale(self) -> float:
        """Of a Hann window, whose sum is half its length."""
        return 4 / (self.frame * FULL_SCALE)

    @cached_property
    def filters(self) -> "NDArray[np.float32]":
        """The triangles, [mels, bins]."""
        import numpy as np

        found = np.array(self.bins, np.float32) * np.float32(self.rate / self.frame)
        lower, centre, upper = (self.edges[start : start + self.mels, None] for start in range(3))
        rising, falling = (found - lower) / (centre - lower), (upper - found) / (upper - centre)
        return np.maximum(np.minimum(rising, falling), np.float32(0))

    def of_array(self, pcm: "NDArray[Any]") -> "NDArray[np.float32]":
        """PCM [N, T], of 16 bits or as float32, -> [N, mels, frames]."""
        import numpy as np

        framed = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float32), self.frame, axis=1)
        spectrum = np.fft.rfft(framed[:, :: self.hop] * self.window)[..., self.bins.start : self.bins.stop]
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(power @ self.filters.T + np.float32(FLOOR)).transpose(0, 2, 1)

    def of_tensor(self, pcm: "Tensor") -> "Tensor":
        """As `of_array`."""
        import torch

        window, filters = (torch.from_numpy(each).to(pcm.device) for each in (self.window, self.filters))
        framed = pcm.to(torch.float32).unfold(1, self.frame, self.hop) * window
        spectrum = torch.fft.rfft(framed)[..., self.bins.start : self.bins.stop]
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.log(power @ filters.T + FLOOR).transpose(1, 2)
