"""Columns of numbers, whatever they are read from: what of them is told, and which say nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHUFFLED = 10  # rows, from which on a column that counts them in another order does so by no chance
_COARSE = 0.01  # of a column's standard deviation


def column(
    values: "NDArray[np.float64]", rows: Sequence[int], where: str, warnings: list[str]
) -> "NDArray[np.float32] | None":
    """Numbers [N], NaN where missing, as float32; None for a column that counts the rows.

    rows   of each table in turn, N together
    where  the column, in `warnings` of what is left out or lost
    """
    import numpy as np

    if _counts_rows(values, rows):
        warnings.append(f"{where} counts the rows, which says nothing of a new one; it was left out.")
        return None
    with np.errstate(over="ignore"):  # what is too large is told by its column
        rounded = values.astype(np.float32)
    stated = np.isfinite(rounded)
    kept = values[stated]
    if len(kept) and np.abs(kept - rounded[stated]).max() > _COARSE * kept.std() > 0:
        warnings.append(
            f"{where} has differences too small for its numbers: in float32, about seven digits, they are lost. "
            f"Subtract what all have in common."
        )
    return rounded


def _counts_rows(values: "NDArray[np.float64]", rows: Sequence[int]) -> bool:
    """Whether values are the numbers of the rows, from wherever on: of all, or of each table for itself; in any order
    where there are enough of them that no other column would be so.
    """
    import numpy as np

    def is_count(part: "NDArray[np.float64]") -> bool:
        ordered = part if len(part) < _SHUFFLED else np.sort(part)
        return bool((np.diff(ordered) == 1).all()) and bool((part == np.rint(part)).all())

    parts = np.split(values, np.cumsum(rows)[:-1])
    return len(parts[0]) > 2 and (is_count(values) or all(map(is_count, parts)))
