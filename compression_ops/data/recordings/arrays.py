"""Recordings that come as an array."""

from typing import TYPE_CHECKING, Any

from compression_ops.data.recordings import waveform
from compression_ops.data.recordings.spec import modality_of
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compression_ops.data.modalities.signal import Signal


def of_array(
    array: "NDArray[Any]", where: str, rate: int, mels: int = 40, frame_ms: float = 32.0, hop_ms: float = 16.0
) -> "tuple[NDArray[np.int16], Signal]":
    """Recordings [N, T] at `rate` Hz, int16, or floats from -1 to 1, of which 1 is full scale -> int16 [N, T].

    Raises DataError for any other array, for numbers out of range, and for recordings shorter than a frame.
    """
    import numpy as np

    if array.ndim != 2 or array.dtype.kind not in "if" or (array.dtype.kind == "i" and array.dtype != np.int16):
        raise DataError(
            f"{where}: {array.dtype} {list(array.shape)}; recordings are int16 or floats from -1 to 1, [N, T] of one "
            "channel. Convert them."
        )
    modality = modality_of(rate, mels, frame_ms, hop_ms)
    if array.dtype == np.int16:
        values = np.ascontiguousarray(array)
    else:
        wrong = ~(np.abs(array) <= 1)  # so that NaN is wrong too
        if wrong.any():
            sample, place = (int(index) for index in np.argwhere(wrong)[0])
            raise DataError(
                f"{where}: {int(wrong.sum()):,} value(s) outside -1 to 1, first at [recording, sample] = [{sample}, "
                f"{place}] with value {array[sample, place]}; divide by the full scale."
            )
        values = waveform.pcm(array.astype(np.float64) * 32768)
    modality.require_sound(where, values)
    return values, modality
