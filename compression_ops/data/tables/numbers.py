"""Columns of numbers, whatever they are read from: what is one, what of them is told, and which say nothing."""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# As pandas, R, SQL, spreadsheets and the UCI repository write that there is no value, in lower case.
_MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none"})
_SHUFFLED = 10  # rows, from which on a column that counts them in another order does so by no chance
_MANY = 4096  # entries, from which on importing pyarrow pays
_COARSE = 0.01  # of a column's standard deviation


def are_numbers(entries: Collection[str]) -> bool:
    """Whether all are numbers, whole or not."""
    return all(_NUMBER.fullmatch(entry) for entry in entries)


def is_missing(entry: str) -> bool:
    """Whether an entry says that there is no value."""
    return entry.casefold() in _MISSING


def of_texts(entries: "list[str] | pa.Array[Any]") -> "NDArray[np.float64] | None":
    """Numbers [N], NaN where missing; None if an entry is something else."""
    import numpy as np

    if (found := _quickly(entries)) is not None:
        return found
    if not isinstance(entries, list):
        entries = entries.to_pylist()
    known = {entry: np.nan for entry in set(entries) if is_missing(entry)}
    stated = set(entries) - known.keys()
    if not are_numbers(stated):
        return None
    known |= {entry: float(entry) for entry in stated}
    return np.array([known[entry] for entry in entries], np.float64)


def _quickly(entries: "list[str] | pa.Array[Any]") -> "NDArray[np.float64] | None":
    """As pyarrow reads numbers: as here, but for those with a plus; and it reads infinities as well."""
    import numpy as np

    if len(entries) < _MANY and isinstance(entries, list):
        return None
    import pyarrow as pa
    from pyarrow import compute

    if isinstance(entries, list):
        try:
            entries = pa.array(entries, pa.string())
        except UnicodeEncodeError:  # of what is no text elsewhere, as codecs of Python's own write
            return None
    lowered = compute.call_function("ascii_lower", [entries])
    missing = compute.call_function("is_in", [lowered], compute.SetLookupOptions(pa.array(sorted(_MISSING))))
    stated = compute.call_function("if_else", [missing, pa.scalar(None, pa.string()), entries])
    try:
        numbers = stated.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    values = numbers.to_numpy(zero_copy_only=False)
    return values if int(np.isfinite(values).sum()) == len(values) - numbers.null_count else None


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
