"""Recordings: PCM of 16 bits, whose log-mel energies are computed in integers (see `log_mel`).

The natural logarithm of an energy is within 2e-4 of the one that the definition gives in float64, and its byte that
logarithm by one multiplication in 64 bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code import fixed_point
from compression_ops.c_code.building import Building, Pending
from compression_ops.c_code.inputs import log_mel_kernel
from compression_ops.c_code.inputs.log_mel import LOG, Integers
from compression_ops.c_code.inputs.taken import Integers as Type
from compression_ops.c_code.inputs.taken import Taken
from compression_ops.c_code.layout import Place
from compression_ops.c_code.program import Reading, Tensor

if TYPE_CHECKING:
    from compression_ops.data.modalities.signal import Signal

# As `data.modalities.log_mel.FLOOR`: what no code of recordings runs must not be made of that module.
_FLOOR = 1e-7


@dataclass(frozen=True)
class Bands(Reading):
    """target[m, t, 0] = clamp(⌊(logarithm · multipliers[m] + offsets[m]) / 2^shift⌋, 0, 255), int64 [mels]."""

    integers: Integers
    multipliers: NDArray[np.int64]
    offsets: NDArray[np.int64]
    shift: int

    @property
    def scratch(self) -> int:
        return 4 * 4 * self.integers.log_mel.frame

    @property
    def constant_bytes(self) -> int:
        numbers = self.integers
        of_bins = (2 + 4) * len(numbers.log_mel.bins)
        return of_bins + 4 * numbers.turns.size + 4 * numbers.logarithms.size + (4 + 8) * len(self.offsets)

    def computed(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = self.integers.of(samples) * self.multipliers[:, None] + self.offsets[:, None]
        return np.clip(sums >> self.shift, 0, 255)[..., None]

    def printed(self, position: int, target: Place) -> Sequence[str]:
        return log_mel_kernel.printed(
            self.integers, (self.multipliers.tolist(), self.offsets.tolist(), self.shift), position, target
        )


def begin(building: Building) -> Pending:
    """What the ONNX file computes of a recording, which awaits its scale."""
    signal, description = cast("Signal", building.description.modality), building.description
    (samples,) = description.shape
    integers = Integers(signal.log_mel, samples, _FLOOR)
    mean, std = (np.array(each, np.float32).astype(np.float64) for each in (description.mean, description.std))
    building.taken = _taken(signal, samples)

    def finish(scale: float, zero_point: int) -> int:
        multipliers, shift = fixed_point.scaled(math.log(2) / 2**LOG / (std * scale), 31, "the log-mel energies")
        steps = (math.log(integers.unit) - mean) / (std * scale) + zero_point + 0.5
        offsets = np.array([int(math.ldexp(step, shift)) for step in steps.tolist()], np.int64)
        target = building.tensor(Tensor(1, signal.mels, integers.frames, scale, zero_point))
        building.add(Bands("the log-mel energies", target, integers, multipliers, offsets, shift))
        return target

    return Pending("the log-mel energies", finish)


def _taken(signal: "Signal", samples: int) -> Taken:
    notes = (
        f"What it takes is a recording of {samples} samples, int16_t, {signal.raw}, {signal.rate} a second.",
        f"Of it {signal.mels} log-mel energies are computed, in frames of {signal.frame} samples every {signal.hop}.",
    )
    constants = {"SAMPLES": str(samples), "RATE": str(signal.rate)}
    return Taken(Type("int16", "int16"), "signal", (samples,), constants, f"signal [{samples}], {signal.raw}", notes)
