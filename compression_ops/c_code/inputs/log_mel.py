"""Log-mel energies in integers: a discrete Fourier transform, the bands' energies, their logarithm to base 2.

PCM ─► × Hann window ─► DFT of two frames at once ─► |X|² ─► × triangles, + floor ─► log₂, of 24 fraction bits

The transform is Stockham's, by the prime factors of the frame's length (Van Loan 1992, "Computational Frameworks for
the Fast Fourier Transform", §1.7): 32 bits a number, products of 64, rounded once a factor. Two frames are the real and
the imaginary part of one. A frequency lies in the falling side of one triangle and in the rising one of the next, and
what it does not give to the one it gives to the other: that share, and which two these are, is all that is stored.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from compression_ops.data.modalities.log_mel import LogMel

TURN = 30  # fraction bits of cosines and sines
SHARE = 32  # of what a frequency gives to a band
LOG, PIECES = 24, 6  # fraction bits of the logarithm; of a mantissa, the bits that pick a piece of its table
_FULL_SCALE = 2**15


@dataclass(frozen=True)
class Integers:
    """What is computed of recordings of `samples` values, all of it in integers.

    floor  of energies, as `modalities.log_mel.FLOOR`
    """

    log_mel: "LogMel"
    samples: int
    floor: float

    @property
    def frames(self) -> int:
        """How many lie in a recording."""
        return self.log_mel.frames(self.samples)

    @cached_property
    def factors(self) -> tuple[int, ...]:
        """The prime factors of the frame's length, largest first: the last ones have the longest inner loops."""
        found, rest, factor = list[int](), self.log_mel.frame, 2
        while rest > 1:
            while rest % factor == 0:
                found.append(factor)
                rest //= factor
            factor += 1
        return tuple(reversed(found))

    @property
    def bits(self) -> int:
        """Fraction bits of the spectrum: the most with which √2 times the largest sum of a frame stays in 32 bits."""
        reach = math.sqrt(2) * _FULL_SCALE * self.log_mel.frame / 2 + 2 * sum(self.factors)
        return 31 - math.ceil(math.log2(reach))

    @cached_property
    def turns(self) -> NDArray[np.int64]:
        """cos and sin of 2π i / frame, int64 [2, frame]; half a turn further exactly their negative ones."""
        size = self.log_mel.frame
        angles = 2 * np.pi * np.arange(size) / size
        found = np.rint(np.stack([np.cos(angles), np.sin(angles)]) * 2**TURN).astype(np.int64)
        if size % 2 == 0:
            found[:, size // 2 :] = -found[:, : size // 2]
        return found

    @cached_property
    def unit(self) -> float:
        """What an energy of 1 is, of which a sine of full scale has 1."""
        return (4 / (self.log_mel.frame * _FULL_SCALE * 2**self.bits)) ** 2

    @property
    def least(self) -> int:
        """The floor in these units."""
        return max(1, round(self.floor / self.unit))

    @cached_property
    def shares(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each bin: the band that it falls in, from -1 on, and what it gives to the next one, int64 below 2^32."""
        edges = self.log_mel.edges.astype(np.float64)
        found = np.array(self.log_mel.bins, np.float64) * (self.log_mel.rate / self.log_mel.frame)
        band = np.clip(np.searchsorted(edges, found, side="right") - 1, 0, len(edges) - 2)
        rising = (found - edges[band]) / (edges[band + 1] - edges[band])
        return band - 1, np.clip(np.rint(rising * 2**SHARE), 0, 2**SHARE - 1).astype(np.int64)

    @cached_property
    def logarithms(self) -> NDArray[np.int64]:
        """log₂(1 + i / 64) for i from 0 to 64."""
        return np.rint(np.log2(1 + np.arange(2**PIECES + 1) / 2**PIECES) * 2**LOG).astype(np.int64)

    def of(self, pcm: NDArray[np.int64]) -> NDArray[np.int64]:
        """PCM [N, samples] -> the logarithms [N, mels, frames], as C computes them."""
        size, hop = self.log_mel.frame, self.log_mel.hop
        framed = np.lib.stride_tricks.sliding_window_view(pcm, size, axis=1)[:, ::hop]
        window = (1 << TURN) - self.turns[0]
        windowed = _rounded(framed * window, TURN + 1 - self.bits)
        if self.frames % 2:
            windowed = np.concatenate([windowed, np.zeros_like(windowed[:, :1])], axis=1)
        spectrum = self._transformed(windowed[:, 0::2], windowed[:, 1::2])
        energies = np.stack([self._energies(*each) for each in _parted(*spectrum)], axis=2)
        energies = energies.reshape(len(pcm), -1, self.log_mel.mels)[:, : self.frames]
        return self._logarithm(energies).transpose(0, 2, 1)

    def _transformed(self, re: NDArray[np.int64], im: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """[..., frame] by Stockham: after each factor the numbers are in the order in which the next one reads them."""
        size = rest = self.log_mel.frame
        stride, lead = 1, re.shape[:-1]
        for factor in self.factors:
            rest //= factor
            # source[k, j, q]: of the factor, of what is left, of what is done
            real, imag = (each.reshape(*lead, factor, rest, stride) for each in (re, im))
            out = np.empty((2, *lead, rest, factor, stride), np.int64)
            for r in range(factor):
                k, j = np.arange(factor)[:, None, None], np.arange(rest)[None, :, None]
                cosine, sine = self.turns[:, (r * (j * stride + k * (size // factor))) % size]
                out[0][..., r, :] = _rounded((real * cosine + imag * sine).sum(axis=-3), TURN)
                out[1][..., r, :] = _rounded((imag * cosine - real * sine).sum(axis=-3), TURN)
            re, im = out.reshape(2, *lead, size)
            stride *= factor
        return re, im

    def _energies(self, re: NDArray[np.int64], im: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Of a spectrum [..., frame]: uint64 [..., mels]."""
        bins = self.log_mel.bins
        power = (re * re + im * im)[..., bins.start : bins.stop].astype(np.uint64)
        bands, shares = self.shares
        low, high = power & np.uint64(2**32 - 1), power >> np.uint64(32)
        share = shares.astype(np.uint64)
        rising = high * share + (low * share >> np.uint64(SHARE))
        found = np.zeros((*power.shape[:-1], self.log_mel.mels + 2), np.uint64)
        for at, band in enumerate(bands.tolist()):
            found[..., band + 1] += power[..., at] - rising[..., at]
            found[..., band + 2] += rising[..., at]
        return found[..., 1:-1] + np.uint64(self.least)

    def _logarithm(self, values: NDArray[np.uint64]) -> NDArray[np.int64]:
        whole = np.zeros(values.shape, np.int64)
        rest = values.copy()
        for step in (32, 16, 8, 4, 2, 1):
            is_large = rest >= np.uint64(1) << np.uint64(step)
            whole += np.where(is_large, step, 0)
            rest = np.where(is_large, rest >> np.uint64(step), rest)
        mantissa = (values << (63 - whole).astype(np.uint64)) >> np.uint64(32)  # from 2^31 on
        fraction = (mantissa & np.uint64(2**31 - 1)).astype(np.int64)
        piece, within = fraction >> (31 - PIECES), fraction & (2 ** (31 - PIECES) - 1)
        low, high = self.logarithms[piece], self.logarithms[piece + 1]
        return (whole << LOG) + low + ((high - low) * within >> (31 - PIECES))


def _rounded(values: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    return values + (1 << (shift - 1)) >> shift


def _parted(
    re: NDArray[np.int64], im: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The spectra of the two frames that were the real and the imaginary part."""
    other_re, other_im = (np.roll(each[..., ::-1], 1, axis=-1) for each in (re, im))
    first = _rounded(re + other_re, 1), _rounded(im - other_im, 1)
    return first, (_rounded(im + other_im, 1), _rounded(other_re - re, 1))
