"""Recordings that tell little: silence, and sound that was cut off at full scale."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from compression_ops.data.file_names import listed
from compression_ops.data.storage import blocks, mapped
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Silent is what moves within a thousandth of full scale, 60 dB below it; clipped, where a hundredth of it lies there.
_SILENT, _CLIPPED = 33, 0.01
_TOP = 32767


def require_heard(
    values: "NDArray[np.int16]", labels: "NDArray[np.int64]", classes: Sequence[str], where: str
) -> "NDArray[np.bool_]":
    """Which of recordings [N, T] are silent, [N]. Raises DataError that names each class of silence only."""
    import numpy as np

    silent = np.concatenate([*blocks.in_parallel(_is_silent, blocks.of(values)), np.zeros(0, np.bool_)])
    counts = np.bincount(labels, minlength=len(classes))
    heard = np.bincount(labels[~silent], minlength=len(classes))
    if mute := [name for name, some, count in zip(classes, heard, counts, strict=True) if count and not some]:
        raise DataError(
            f"{where}: all recordings of {len(mute)} class(es) are silent, 60 dB below full scale and less: "
            f"{listed(mute)}. Record them with noise that is heard, or remove the class."
        )
    return silent


def told(values: "NDArray[np.int16]", silent: "NDArray[np.bool_]", names: Sequence[str], where: str) -> list[str]:
    """Warnings of silent and of clipped recordings [N, T], which `names` names."""
    import numpy as np

    warnings = list[str]()
    if silent.any():
        found = [names[row] for row in np.flatnonzero(silent).tolist()]
        warnings.append(f"{where}: {len(found):,} recording(s) are silent, 60 dB below full scale: {listed(found)}.")
    shares = np.concatenate([*blocks.in_parallel(_clipped, blocks.of(values)), np.zeros(0)])
    if len(rows := np.flatnonzero(shares > _CLIPPED)):
        worst, found = int(rows[shares[rows].argmax()]), [names[row] for row in rows.tolist()]
        warnings.append(
            f"{where}: {len(rows):,} recording(s) are clipped, with over {100 * _CLIPPED:.0f} % of their samples at "
            f"full scale ({100 * shares[worst]:.0f} % in {names[worst]}): {listed(found)}."
        )
    return warnings


def fault(recording: "NDArray[np.int16]") -> str | None:
    """What `told` would warn of in one recording [T]."""
    if _is_silent(recording[None]).any():
        return "is silent, 60 dB below full scale"
    share = float(_clipped(recording[None]).item())
    return f"is clipped, with {100 * share:.0f} % of its samples at full scale" if share > _CLIPPED else None


def _is_silent(pcm: "NDArray[np.int16]") -> "NDArray[np.bool_]":
    found = pcm.max(axis=1).astype("int32") - pcm.min(axis=1) < 2 * _SILENT
    mapped.used(pcm)
    return found


def _clipped(pcm: "NDArray[np.int16]") -> "NDArray[np.float64]":
    """The share of samples of each recording that lie at full scale."""
    found = ((pcm >= _TOP) | (pcm <= -_TOP)).mean(axis=1)
    mapped.used(pcm)
    return found
