"""Arrays of PCM as recordings."""

from typing import TYPE_CHECKING

from compression_ops.data.formats.npz_parts import Parts
from compression_ops.data.modalities.signal import Signal
from compression_ops.data.recordings import arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

told = arrays.told


def check(parts: Parts) -> None:
    """Raises DataError for arrays of differing types or shapes."""
    parts.require_one_shape(Signal.type)


def read(parts: Parts, warnings: list[str]) -> "tuple[list[NDArray[np.int16]], Signal]":
    """Int16 [N, T] at the `rate` that is stated. Raises DataError as `recordings.arrays.of_array` does."""
    share = 2 / parts.dtype.itemsize  # as integers of 16 bits
    values, modality = arrays.of_array(parts.whole(share), parts.where, parts.stated["rate"])
    return parts.apart(values), modality
