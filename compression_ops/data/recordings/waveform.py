"""One recording after another as mono PCM of one rate and one length."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOWEST, _HIGHEST = -32768, 32767


def mono(values: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """The mean of the channels: [T, channels] -> [T]."""
    return values[:, 0] if values.shape[1] == 1 else values.mean(axis=1)


def resampled(values: "NDArray[Any]", rate: int, to: int) -> "NDArray[Any]":
    """[..., T] at another rate, by scipy.signal.resample_poly: polyphase, with its Kaiser window."""
    if rate == to:
        return values
    from scipy import signal

    common = math.gcd(rate, to)
    return signal.resample_poly(values, to // common, rate // common, axis=-1)


def pcm(values: "NDArray[Any]") -> "NDArray[np.int16]":
    """Rounded, and clipped to 16 bits."""
    import numpy as np

    return np.clip(np.rint(values), _LOWEST, _HIGHEST).astype(np.int16)


def fitted(values: "NDArray[np.int16]", samples: int) -> "NDArray[np.int16]":
    """[T] -> [samples]: of a longer one the stretch of the greatest energy, the first of equal ones; a shorter one
    between zeros, evenly before and after it.
    """
    import numpy as np

    missing = samples - len(values)
    if missing >= 0:
        return np.pad(values, (missing // 2, missing - missing // 2))
    energy = np.concatenate([[0], np.cumsum(values.astype(np.int64) ** 2)])
    start = int((energy[samples:] - energy[:-samples]).argmax())
    return values[start : start + samples]


def at_rate(values: "NDArray[np.int16]", rate: int, to: int) -> "NDArray[np.int16]":
    """Recordings [N, T] at another rate, in as many samples."""
    import numpy as np

    found = pcm(resampled(values.astype(np.float32), rate, to))
    return np.stack([fitted(one, values.shape[1]) for one in found])
