"""Arrays of strings, or of ids, as texts."""

from typing import TYPE_CHECKING

from compression_ops.data.formats.npz_parts import Parts
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.texts import corpus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check(parts: Parts) -> None:
    """Raises DataError for arrays of differing types or shapes."""
    parts.require_one_shape(Tokens.type)


def read(parts: Parts, warnings: list[str]) -> "tuple[list[NDArray[np.int64]], Tokens]":
    """Int64 [N, L], by the fields of a Coding that are stated. Raises DataError as `corpus.of_array` does."""
    # As integers of 64 bits, with what is asked of each; or as texts of Python's, which are shorter.
    share = 0.5 if parts.dtype.kind == "U" else 11 / parts.dtype.itemsize
    values, modality = corpus.of_array(parts.whole(share), parts.where, warnings, parts.stated)
    return parts.apart(values), modality
