"""Arrays of numbers as rows of a table."""

from typing import TYPE_CHECKING, Any

from compression_ops.data.formats.npz_parts import Parts
from compression_ops.data.modalities.table import Table
from compression_ops.data.tables import numbers
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check(parts: Parts) -> None:
    """Raises DataError for arrays of differing types or shapes."""
    parts.require_one_shape(Table.type)


def read(parts: Parts, warnings: list[str]) -> "tuple[list[NDArray[np.float32]], Table]":
    """Rows float32 [N, F], whose columns are called 0, 1, …, without such that count the rows; warnings as of a table
    that is read from text.

    Raises DataError for arrays of other axes or another type, and where no column is left.
    """
    share = 8 / parts.dtype.itemsize  # as floats of 32 bits, all and column by column
    values, modality = _told(parts.whole(share), parts.rows, parts.where, warnings)
    return parts.apart(values), modality


def _of_array(array: "NDArray[Any]", where: str) -> "tuple[NDArray[np.float32], Table]":
    import numpy as np

    if array.ndim != 2 or array.dtype.kind not in "buif":
        raise DataError(
            f"{where}: {array.dtype} {list(array.shape)}; allowed are numbers [N, F], a row a sample, NaN where one is "
            f"missing. Reshape or convert them; a table with columns of text is read by `source: csv`."
        )
    with np.errstate(over="ignore"):  # what is too large is told by its column
        values = np.ascontiguousarray(array, np.float32)
    return values, Table(tuple(map(str, range(array.shape[1]))), (None,) * array.shape[1])


def _told(
    array: "NDArray[Any]", rows: list[int], where: str, warnings: list[str]
) -> "tuple[NDArray[np.float32], Table]":
    import numpy as np

    values, table = _of_array(array, where)
    found: dict[str, NDArray[np.float32]] = {}
    for index, name in enumerate(table.columns):
        column = numbers.column(array[:, index].astype(np.float64), rows, f"{where}: column {name}", warnings)
        if column is not None:
            found[name] = column
    if table.columns and not found:
        raise DataError(f"{where}: every column counts the rows. Add some that say something of a row.")
    if len(found) == len(table.columns):
        return values, table
    return np.stack([*found.values()], axis=1), Table(tuple(found), (None,) * len(found))
