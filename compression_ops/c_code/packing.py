"""Integers of fewer than 8 bits as bytes that C unpacks in loops over neighbours, which compilers vectorize.

An integer w of b bits is stored as w + 2^(b-1), and this in parts of 4, 2 and 1 bits, whose widths sum up to b: 7
bits are a part of 4, one of 2 and one of 1, lowest bits first. Of a row of n integers a part of p bits is n p / 8
bytes: byte j holds those of the integers j, j + m, j + 2 m, … for m = n p / 8, from its lowest bits on.
"""

import numpy as np
from numpy.typing import NDArray

BYTE = 8
# What the length of a row is a multiple of, so that every part of it fills its bytes.
MULTIPLE = 8


def parts(bits: int) -> list[tuple[int, int]]:
    """The parts of an integer of 1 to 7 bits: (their width, the bits below them)."""
    found: list[tuple[int, int]] = []
    below = 0
    for width in (4, 2, 1):
        if bits & width:
            found.append((width, below))
            below += width
    return found


def packed(rows: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    """int8 [N, n], n a multiple of 8, as uint8 [N, n bits / 8]. Raises ValueError where one does not fit the bits."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if rows.size and not low <= int(rows.min()) <= int(rows.max()) <= high:
        raise ValueError(f"integers of {rows.min()} to {rows.max()} do not fit {bits} bits")
    if rows.shape[1] % MULTIPLE:
        raise ValueError(f"a row has {rows.shape[1]} integers; allowed is a multiple of {MULTIPLE}")
    unsigned = (rows.astype(np.int16) - low).astype(np.uint8)
    return np.concatenate([_part(unsigned >> below & 2**width - 1, width) for width, below in parts(bits)], axis=1)


def _part(values: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    of_byte = values.reshape(len(values), BYTE // width, -1)
    shifts = (np.arange(BYTE // width, dtype=np.uint8) * width)[:, None]
    return np.bitwise_or.reduce(of_byte << shifts, axis=1)
