"""An array of numbers as rows of a table."""

from typing import TYPE_CHECKING, Any

from compression_ops.data.modalities.table import Table
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
