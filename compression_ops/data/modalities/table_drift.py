"""How far a column of a table has moved: the population stability index of its values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compression_ops.data.modalities import stability

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Column:
    """values: float32 [N]; names: of the codes 1, 2, … of categories, None or () for numbers, NaN where missing."""

    values: "NDArray[np.float32]"
    names: tuple[str, ...] | None


def index(previous: Column, current: Column) -> float:
    """Of numbers in bins of the previous ones' deciles, and those that are missing; of categories by their names.

    Of a column that was of numbers and is of categories, or the other way, everything has moved.
    """

    columns = (previous, current)
    if previous.names and current.names:
        names = list(dict.fromkeys([*previous.names, *current.names]))
        return stability.index(*(_by_name(column, names) for column in columns))
    if previous.names or current.names:
        return moved(len(previous.values), len(current.values))
    edges = _decile_edges(previous.values)
    return stability.index(*(_in_bins(column.values, edges) for column in columns))


def moved(previous: int, current: int) -> float:
    """Of so many values before and now, of which none is what any other was."""
    import numpy as np

    return stability.index(np.array([previous, 0]), np.array([0, current]))


def _by_name(column: Column, names: list[str]) -> "NDArray[np.int64]":
    """How many values have each name, then how many have another or none."""
    import numpy as np

    own = column.names or ()
    counted = np.bincount(column.values.astype(np.int64), minlength=len(own) + 1).tolist()
    by_name = dict(zip(own, counted[1:], strict=True))
    return np.array([*(by_name.get(name, 0) for name in names), counted[0]], np.int64)


def _decile_edges(values: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Upper ends of bins that hold equal shares, as nearly as values with ties can; each is a value."""
    import numpy as np

    stated = values[~np.isnan(values)]
    if not len(stated):
        return np.array([], np.float32)
    deciles = np.arange(1, stability.BINS) / stability.BINS
    return np.unique(np.quantile(stated, deciles, method="inverted_cdf"))


def _in_bins(values: "NDArray[np.float32]", edges: "NDArray[np.float32]") -> "NDArray[np.int64]":
    """How many lie in each bin, above the largest edge, and how many are missing."""
    import numpy as np

    is_missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~is_missing], side="left"), minlength=len(edges) + 1)
    return np.array([*counts.tolist(), int(is_missing.sum())], np.int64)
