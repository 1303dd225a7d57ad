"""Recordings that come as an array."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compression_ops.data.recordings import oddities, waveform
from compression_ops.data.recordings.spec import modality_of
from compression_ops.data.samples import HoldOut, Samples
from compression_ops.data.storage import blocks
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
        _require_full_scale(array, where)
        values = np.empty(array.shape, np.int16)
        for rows in blocks.slices(len(array), array[:1].nbytes):
            values[rows] = waveform.pcm(array[rows].astype(np.float64) * 32768)
    modality.require_sound(where, values)
    return values, modality


def _require_full_scale(array: "NDArray[Any]", where: str) -> None:
    import numpy as np

    count, first = 0, None
    for rows in blocks.slices(len(array), array[:1].nbytes):
        wrong = ~(np.abs(array[rows]) <= 1)  # so that NaN is wrong too
        count += int(wrong.sum())
        if first is None and wrong.any():
            sample, place = (int(index) for index in np.argwhere(wrong)[0])
            first = (rows.start + sample, place)
    if first is not None:
        raise DataError(
            f"{where}: {count:,} value(s) outside -1 to 1, first at [recording, sample] = {list(first)} with value "
            f"{array[first]}; divide by the full scale."
        )


def told(train: Samples, test: Samples | HoldOut, classes: Sequence[str], where: str) -> list[str]:
    """Warnings of silent and of clipped recordings, as of such that are read from files.

    Raises DataError that names each class of which a split holds silence only. Nothing is said of labels that are not
    as many, or name no class: for these see compression_ops.data.soundness.
    """
    warnings = list[str]()
    for split, samples in (("train", train), ("test", test)):
        if isinstance(samples, HoldOut) or len(samples.labels) != len(samples.values):
            continue
        if not ((samples.labels >= 0) & (samples.labels < len(classes))).all():
            continue
        place = f"{where}: {split}"
        silent = oddities.require_heard(samples.values, samples.labels, classes, place)
        warnings += oddities.told(samples.values, silent, [f"[{row}]" for row in range(len(silent))], place)
    return warnings
