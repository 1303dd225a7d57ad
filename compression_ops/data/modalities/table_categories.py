"""The categories of a table's columns, whose names have the codes 1, 2, …: those of one table as another one's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Categories = tuple[tuple[str, ...] | None, ...]


def recoded(values: "NDArray[np.float32]", own: Categories, wanted: Categories) -> "NDArray[np.float32]":
    """Codes of `own` names as those of `wanted` ones; other columns as they are."""
    import numpy as np

    found = np.array(values, np.float32)
    for index, (names, others) in enumerate(zip(own, wanted, strict=True)):
        if others is not None and (names is not None or others) and names != others:
            codes = {name: code for code, name in enumerate(others, 1)}
            table = np.array([0, *(codes.get(name, 0) for name in names or ())], np.float32)
            column = values[:, index]
            found[:, index] = table[np.where((column > 0) & (column < len(table)), column, 0).astype(np.int64)]
    return found


def known(columns: Sequence[str], categories: Categories) -> list[str]:
    """Every name with its column, `plan 'pro'`."""
    stated = zip(columns, categories, strict=True)
    return [f"{column} {name!r}" for column, names in stated for name in names or ()]
