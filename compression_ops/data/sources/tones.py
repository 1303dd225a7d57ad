"""Synthetic words: ten classes of sound that a computer makes, so a data set of recordings that needs no network.

No voice was recorded. Each word is a buzz with two resonances that glide, as a diphthong does (the source-filter model:
Fant 1960, "Acoustic Theory of Speech Production"; Klatt 1980); neighbours differ in one of the four frequencies. Pitch
and its glide, size of the vocal tract, duration, onset, loudness and noise are drawn at random, from one seed: the data
are the same on every machine, since waves are read from a table and phases are whole numbers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data.modalities.signal import Signal
from compression_ops.data.recordings.spec import modality_of
from compression_ops.data.recordings.waveform import pcm
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

RATE, SAMPLES = 8_000, 4_000
_SEED = 20_260_101
_TEST_FRACTION = 0.2
# First and second resonance in Hz, at the beginning and at the end.
_WORDS = {
    "ai": ((730, 1090), (390, 1990)),
    "au": ((730, 1090), (440, 1020)),
    "ea": ((530, 1840), (730, 1090)),
    "ei": ((530, 1840), (300, 2200)),
    "ia": ((300, 2200), (730, 1090)),
    "iu": ((300, 2200), (300, 870)),
    "oi": ((570, 840), (300, 2200)),
    "ou": ((570, 840), (300, 870)),
    "ua": ((300, 870), (730, 1090)),
    "ui": ((300, 870), (300, 2200)),
}
_BANDWIDTHS = (90, 130)  # Hz
_TURN, _TABLE, _SHIFT = 2**32, 2**12, 20


class Tones(DatasetSpec):
    source: Literal["tones"]
    per_class: int = Field(default=200, ge=10, le=5_000, description="Recordings of each of the ten words.")

    @property
    def sample_type(self) -> str:
        return "signal"


def locate(spec: Tones, folders: Sequence[Path]) -> Path | None:
    """This file: what it says is all that the recordings are made from."""
    return Path(__file__)


def files(spec: Tones, root: Path) -> list[Path]:
    """The one file."""
    return [root]


def read(spec: Tones, root: Path) -> RawData:
    """Recordings int16 [10 · per_class, 4000], half a second each at 8 kHz, word after word."""
    import numpy as np

    draw, table = np.random.default_rng(_SEED), _sines()
    words = [_word(*ends, draw, table) for _ in range(spec.per_class) for ends in _WORDS.values()]
    labels = np.tile(np.arange(len(_WORDS), dtype=np.int64), spec.per_class)
    return RawData(Samples(np.stack(words), labels), HoldOut(_TEST_FRACTION), tuple(_WORDS), (), _modality())


def _modality() -> Signal:
    return modality_of(RATE, mels=32, frame_ms=32, hop_ms=16)


def _sines() -> "NDArray[np.float32]":
    """One turn, rounded further than any machine's sine is wrong: [4096]."""
    import numpy as np

    return (np.rint(np.sin(2 * np.pi * np.arange(_TABLE) / _TABLE) * 2**20) / 2**20).astype(np.float32)


def _word(
    start: tuple[int, int], end: tuple[int, int], draw: "Generator", table: "NDArray[np.float32]"
) -> "NDArray[np.int16]":
    """[4000]: the harmonics of a pitch that glides, each as loud as the resonances make it."""
    import numpy as np

    length = int(draw.integers(1_600, 3_200))
    along = np.linspace(0, 1, length, dtype=np.float32)
    pitch = draw.uniform(90, 280) * (1 + draw.uniform(-0.2, 0.2) * along)
    tract = draw.uniform(0.84, 1.19)
    phase = np.cumsum(pitch * (_TURN / RATE), dtype=np.float64).astype(np.uint64).astype(np.uint32)
    heard = np.arange(1, int(0.5 * RATE / pitch.max()), dtype=np.uint32)[:, None]
    waves = table[heard * phase >> _SHIFT]  # a whole turn is what 32 bits hold
    resonances = [(a + (b - a) * along) * tract for a, b in zip(start, end, strict=True)]
    harmonics = heard.astype(np.float32) * pitch
    gains = sum(
        weight / (1 + ((harmonics - place) / width) ** 2)
        for place, width, weight in zip(resonances, _BANDWIDTHS, (1.0, 0.6), strict=True)
    )
    sound = (waves * gains).sum(axis=0) * np.minimum(1, 20 * np.minimum(along, 1 - along))
    level = 10 ** draw.uniform(-1.3, -0.3) * 32_767
    noise = level * 10 ** draw.uniform(-1.4, -0.3)
    recording = draw.normal(0, noise, SAMPLES)
    onset = int(draw.integers(0, SAMPLES - length))
    recording[onset : onset + length] += sound * (level / np.abs(sound).max())
    return pcm(recording)
