"""An array of numbers as rows of a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compression_ops.data.modalities.table import Table
from compression_ops.data.tables import numbers
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def of_array(array: "NDArray[Any]", where: str) -> "tuple[NDArray[np.float32], Table]":
    """Rows float32 [N, F] of integers or floats [N, F], whose columns are called 0, 1, ….

    Raises DataError for an array of other axes or another type.
    """
    import numpy as np

    if array.ndim != 2 or array.dtype.kind not in "buif":
        raise DataError(
            f"{where}: {array.dtype} {list(array.shape)}; allowed are numbers [N, F], a row a sample, NaN where one is "
            f"missing. Reshape or convert them; a table with columns of text is read by `source: csv`."
        )
    with np.errstate(over="ignore"):  # what is too large is told by its column
        values = np.ascontiguousarray(array, np.float32)
    return values, Table(tuple(map(str, range(array.shape[1]))), (None,) * array.shape[1])


def told(
    array: "NDArray[Any]", rows: Sequence[int], where: str, warnings: list[str]
) -> "tuple[NDArray[np.float32], Table]":
    """As `of_array`, without columns that count the rows; warnings as of a table that is read from text.

    rows  of each part of the array, one after another

    Raises DataError too where no column is left.
    """
    import numpy as np

    values, table = of_array(array, where)
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
