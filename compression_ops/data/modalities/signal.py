"""Signals: recordings of one channel and one length, of which a network sees the log-mel energies.

PCM, int16 [N, T] ─► Cast ─► Conv with windowed DFT bases ─► squares ─► MatMul with the bands ─► Log ─► − mean ─► ÷ std
                                                                                 ─► the network, [N, 1, mels, frames]

The bases are computed in the graph from a few numbers, and by onnxruntime once when it opens the model, so the file
does not grow by them. A Fourier transform sums in another order than a convolution: the forms in torch, NumPy and ONNX
agree within 1e-4 of a band's standard deviation, not to the bit.
"""

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compression_ops.data.modalities import stability
from compression_ops.data.modalities.log_mel import FLOOR, FULL_SCALE, LogMel
from compression_ops.data.modalities.modality import Modality, Read
from compression_ops.data.modalities.nodes import Nodes
from compression_ops.data.storage import blocks, mapped
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto
    from torch import Tensor

    from compression_ops.data.dataset import Description

# Levels of a log energy that drift counts: ten a unit, from the floor on up to more than full scale can reach.
_LEVELS, _A_UNIT = 256, 10
# A log energy that moves by less is the floor's, and the rounding of 16 bits.
_HEARD = 0.01
# Of the frequencies that a rate can hold, those that resampling to it lets through whole.
_PASSED = 0.9
# By its name, so that no model is made of the code that reads files.
_READER = "compression_ops.data.recordings.reading"


@dataclass(frozen=True)
class Signal(Modality):
    """Of T samples. Normalized is (log-mel - mean) / std of each band, float32 [N, 1, mels, frames].

    rate        samples a second
    mels        bands
    frame, hop  samples of a frame, and from one to the next
    low, high   where the bands begin and end, in Hz
    """

    type: ClassVar[str] = "signal"
    noun: ClassVar[str] = "recordings"
    dtype: ClassVar[str] = "int16"
    axes: ClassVar[str] = "[N, T]"
    dimensions: ClassVar[int] = 2
    input_name: ClassVar[str] = "signal"
    raw: ClassVar[str] = "mono PCM from -32768 to 32767"
    normalized: ClassVar[str] = (
        "(log-mel energy - mean) / std of each band (see compression_ops.data.modalities.log_mel)"
    )
    how: ClassVar[str] = (
        "Of a recording: the mean of its channels, resampled to the `rate` of compression.modality (polyphase, Kaiser "
        "window), the loudest stretch of T samples, or zeros evenly before and after a shorter one"
    )

    rate: int
    mels: int
    frame: int
    hop: int
    low: float
    high: float

    def __post_init__(self) -> None:
        sizes = (self.rate, self.mels, self.frame, self.hop)
        if min(sizes) < 1 or self.frame < 4 or not 0 <= self.low < self.high <= self.rate / 2:
            raise DataError(
                f"log-mel energies of rate {self.rate}, mels {self.mels}, frame {self.frame}, hop {self.hop} and bands "
                f"from {self.low:g} to {self.high:g} Hz cannot be computed; allowed are whole numbers from 1, a frame "
                "of at least 4 samples, and bands between 0 and half the rate"
            )
        empty = int((self.log_mel.filters.max(axis=1, initial=0) <= 0).sum())
        if empty:
            raise DataError(
                f"{empty} of {self.mels} mel bands between {self.low:g} and {self.high:g} Hz are narrower than the "
                f"{self.rate / self.frame:g} Hz that frames of {self.frame} samples tell apart. Ask for fewer mels, or "
                "for longer frames"
            )

    @cached_property
    def log_mel(self) -> LogMel:
        """What is computed of each recording."""
        return LogMel(self.rate, self.frame, self.hop, self.mels, self.low, self.high)

    def require_sound(self, split: str, values: "NDArray[Any]") -> None:
        """Raises DataError too where a recording is shorter than a frame."""
        super().require_sound(split, values)
        if values.shape[1] < self.frame:
            raise DataError(
                f"{split}: {self.noun} of {values.shape[1]} samples are shorter than a frame of {self.frame}. Allowed "
                "are more seconds, or a shorter frame."
            )

    def statistics(
        self, values: "NDArray[np.int16]", where: str
    ) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """Of each band's log energies in all frames, in float64, a block of recordings at a time.

        A band in which nothing is heard gets the standard deviation 1, and a warning; raises DataError if all are such.
        Of six digits, since processors sum the energies' products in float32 in other orders.
        """
        import numpy as np

        sums, squares = np.zeros((2, self.mels))
        for block_sums, block_squares in blocks.in_parallel(self._sums, blocks.of(values)):
            sums += block_sums
            squares += block_squares
        count = len(values) * self.log_mel.frames(values.shape[1])
        means = sums / count
        deviations = np.sqrt(np.maximum(squares / count - means**2, 0))
        constant = np.flatnonzero(deviations < _HEARD)
        if len(constant) == self.mels:
            raise DataError(f"{where}: every recording is the same; there is nothing to learn. Check the recordings.")
        deviations[constant] = 1.0
        bands = [f"{self.log_mel.edges[m]:.0f} to {self.log_mel.edges[m + 2]:.0f} Hz" for m in constant]
        warnings = [f"{where}: nothing is heard from {band}, in no recording; it tells nothing." for band in bands[:5]]
        if len(bands) > len(warnings):
            warnings.append(f"{where}: the same of {len(bands) - len(warnings)} further bands.")
        return _rounded(means), _rounded(deviations), warnings

    def _sums(self, pcm: "NDArray[np.int16]") -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
        """Of a block: the sum of each band's log energies, and of their squares."""
        energies = self.log_mel.of_array(pcm).astype("float64")
        mapped.used(pcm)
        return energies.sum(axis=(0, 2)), (energies**2).sum(axis=(0, 2))

    def described(self, shape: tuple[int, ...]) -> str:
        """`recordings of 0.5 s at 8000 Hz`."""
        return f"{self.noun} of {shape[0] / self.rate:g} s at {self.rate} Hz"

    def shown(self, value: "NDArray[Any]") -> str:
        """`0.5 s, -12.3 dB full scale`: length, and level, of which a sine of full scale has 0 dB (AES17)."""
        power = 2 * float(((value.astype("float64") / FULL_SCALE) ** 2).mean())
        level = f"{round(10 * math.log10(power), 1) + 0.0:.1f} dB full scale" if power else "silent"
        return f"{value.size / self.rate:g} s, {level}"

    def features(self, shape: tuple[int, ...]) -> int:
        """One a band."""
        return self.mels

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(1, mels, frames)."""
        return (1, self.mels, self.log_mel.frames(shape[0]))

    def drift(self, previous: "NDArray[np.int16]", current: "NDArray[np.int16]", former: Modality) -> float:
        """Of each band's log energies in all frames, in bins of the previous ones' deciles: the largest of all bands.

        Both are heard in the current data set's bands, each at its own rate; where the rates differ, in those that lie
        below 0.9 times half the lower one: what is resampled has nothing above it. So another rate alone is no drift.
        """
        import numpy as np

        rate = former.rate if isinstance(former, Signal) else self.rate
        frame, hop = (max(1, round(each * rate / self.rate)) for each in (self.frame, self.hop))
        before = _levels(replace(self.log_mel, rate=rate, frame=frame, hop=hop), previous)
        after = _levels(self.log_mel, current)
        top = math.inf if rate == self.rate else _PASSED * min(rate, self.rate) / 2
        heard = [
            band
            for band in range(self.mels)
            if self.log_mel.edges[band + 2] <= top and before[band].any() and after[band].any()
        ]
        return float(np.max([stability.of_values(before[band], after[band]) for band in heard], initial=0.0))

    def translated(self, values: "NDArray[Any]", to: Modality) -> "NDArray[Any]":
        """At the other's rate, where that differs, in as many samples."""
        if not isinstance(to, Signal) or to.rate == self.rate:
            return values
        return importlib.import_module(_READER).at_rate(values, self.rate, to.rate)

    def read(self, file: Path, description: "Description") -> Sequence[Read]:
        """A WAV file is one recording, or a folder of such is many."""
        return importlib.import_module(_READER).recordings(file, self.rate, description.shape[0])

    def normalize(self, values: "Tensor", description: "Description") -> "Tensor":
        """int16 or float32 [N, T] -> float32 [N, 1, mels, frames]."""
        import torch

        mean, std = (
            torch.tensor(each, dtype=torch.float32, device=values.device).view(-1, 1)
            for each in (description.mean, description.std)
        )
        return ((self.log_mel.of_tensor(values) - mean) / std).unsqueeze(1)

    def normalize_array(self, values: "NDArray[Any]", description: "Description") -> "NDArray[np.float32]":
        """As `normalize`, within 1e-4."""
        import numpy as np

        mean, std = (np.array(each, np.float32).reshape(-1, 1) for each in (description.mean, description.std))
        return np.ascontiguousarray(((self.log_mel.of_array(values) - mean) / std)[:, None])

    def nodes(self, output: str, description: "Description", names: Iterator[str]) -> "list[NodeProto]":
        """As `normalize`, within 1e-4. Constants are nodes, not initializers: nothing that was learned is added."""
        import numpy as np

        made, own = Nodes(names), self.log_mel
        samples, frames = description.shape[0], own.frames(description.shape[0])
        pcm = made.node("Reshape", made.cast(self.input_name), made.constant(np.array([0, 1, samples])))
        spectrum = made.node("Conv", pcm, _bases(made, own), strides=[own.hop], kernel_shape=[own.frame])
        power = made.node("Mul", spectrum, spectrum)
        energies = made.node("Add", made.node("MatMul", _filters(made, own), power), made.number(FLOOR))
        mean, std = (made.column(np.array(each, np.float32)) for each in (description.mean, description.std))
        normal = made.node("Div", made.node("Sub", made.node("Log", energies), mean), std)
        made.node("Reshape", normal, made.constant(np.array([0, 1, own.mels, frames])))
        made.nodes[-1].output[0] = output
        return made.nodes


def _rounded(values: "NDArray[np.float64]") -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


def _levels(log_mel: LogMel, pcm: "NDArray[np.int16]") -> "NDArray[np.int64]":
    """How often each band's log energy has each level, int64 [mels, levels]."""
    import numpy as np

    def of_block(block: "NDArray[np.int16]") -> "NDArray[np.int64]":
        heights = (log_mel.of_array(block) - math.log(FLOOR)) * _A_UNIT
        mapped.used(block)
        levels = np.clip(np.rint(heights), 0, _LEVELS - 1).astype(np.int64)
        return np.stack([np.bincount(band.reshape(-1), minlength=_LEVELS) for band in levels.transpose(1, 0, 2)])

    return sum(blocks.in_parallel(of_block, blocks.of(pcm)), np.zeros((log_mel.mels, _LEVELS), np.int64))


def _bases(made: Nodes, log_mel: LogMel) -> str:
    """[2 bins, 1, frame]: cosines, then sines, under the window. Products are reduced as whole numbers to half a turn
    either way, since float32 knows large angles badly.
    """
    import numpy as np

    size, bins = log_mel.frame, log_mel.bins
    turn = made.number(2 * math.pi / size)
    places = made.whole(0, size)
    column = made.node("Reshape", made.whole(bins.start, bins.stop), made.constant(np.array([-1, 1])))
    half, whole = (made.constant(np.array(each)) for each in (size // 2, size))
    steps = made.node("Mod", made.node("Add", made.node("Mul", column, places), half), whole)
    angles = made.node("Mul", made.cast(made.node("Sub", steps, half)), turn)
    rest = made.node("Sub", made.number(1), made.node("Cos", made.node("Mul", made.cast(places), turn)))
    window = made.node("Mul", rest, made.number(log_mel.scale / 2))
    waves = [made.node("Mul", made.node(operator, angles), window) for operator in ("Cos", "Sin")]
    return made.node("Reshape", made.node("Concat", *waves, axis=0), made.constant(np.array([2 * len(bins), 1, size])))


def _filters(made: Nodes, log_mel: LogMel) -> str:
    """[mels, 2 bins]: the triangles twice, since the power is the sum of the squares of cosines and sines."""
    bins = made.cast(made.whole(log_mel.bins.start, log_mel.bins.stop))
    found = made.node("Mul", bins, made.number(log_mel.rate / log_mel.frame))
    lower, centre, upper = (made.column(log_mel.edges[start : start + log_mel.mels]) for start in range(3))
    rising = made.node("Div", made.node("Sub", found, lower), made.node("Sub", centre, lower))
    falling = made.node("Div", made.node("Sub", upper, found), made.node("Sub", upper, centre))
    triangles = made.node("Relu", made.node("Min", rising, falling))
    return made.node("Concat", triangles, triangles, axis=1)
