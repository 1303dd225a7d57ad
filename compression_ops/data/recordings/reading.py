"""What a user's WAV files hold, as a model takes it."""

from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.file_names import shown
from compression_ops.data.formats import wave_file
from compression_ops.data.modalities.modality import Read
from compression_ops.data.recordings import oddities, waveform
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

at_rate = waveform.at_rate


def recordings(file: Path, rate: int, samples: int) -> list[Read]:
    """Int16 [samples] of a WAV file, or of all directly in a folder. Each is named by its path; `fault` says whether it
    is silent or clipped.

    Raises DataError for a file that is none, and for a folder that holds none.
    """
    if file.is_dir():
        files = sorted(each for each in file.iterdir() if wave_file.is_named_like_one(each.name))
        if not files:
            raise DataError(f"{shown(file)}: holds no WAV file. Name a folder of recordings, or one of them")
        return [_recording(each, rate, samples) for each in files]
    return [_recording(file, rate, samples)]


def _recording(file: Path, rate: int, samples: int) -> Read:
    def pcm(wave: wave_file.Wave) -> "NDArray[np.int16]":
        values = waveform.resampled(waveform.mono(wave.values), wave.rate, rate)
        return waveform.fitted(waveform.pcm(values), samples)

    found = wave_file.made(file, rate, pcm)
    if found is None:
        raise DataError(f"{shown(file)}: no WAV file. Name one, or a folder of them")
    return Read(str(file), found, oddities.fault(found))
