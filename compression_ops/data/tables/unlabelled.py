"""Rows of a table without classes, for a model that was made from another."""

from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.file_names import listed, shown
from compression_ops.data.modalities.modality import Read
from compression_ops.data.modalities.table import Table
from compression_ops.data.tables import features, numbers, table_file
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read(file: Path, modality: Table) -> list[Read]:
    """Of each row, called `rows.csv line 2`, values float32 [F]. Categories that the model does not know are code 0.

    Raises DataError for a file that is no table, lacks a column that the model looks at, or has something else than a
    number where the model takes one.
    """
    import numpy as np

    known = dict(zip(modality.columns, modality.categories, strict=True))
    table = table_file.read(file, modality.columns, texts=[name for name, names in known.items() if names is not None])
    if absent := [name for name, names in known.items() if names != () and name not in table.columns]:
        raise DataError(
            f"{shown(file)}: has no column(s) {listed(absent)}, which the model takes; there are "
            f"{listed([name for name in table.names if name])}. Name the columns as in the data that it was made from."
        )
    columns = [_values(table, name, names) for name, names in known.items()]
    values = np.stack(columns, axis=1)
    modality.require_sound(str(file), values)
    return [Read(f"{shown(file.name)} {table.at([row])}", values[row]) for row in range(len(table))]


def _values(table: table_file.Table, name: str, names: tuple[str, ...] | None) -> "NDArray[np.float32]":
    import numpy as np

    if name not in table.columns:
        return np.zeros(len(table), np.float32)
    entries = table.columns[name]
    if names is not None:
        return features.values_of(entries, names)
    if entries.numbers is None:
        found = enumerate(entries)
        wrong = [row for row, entry in found if not numbers.is_missing(entry) and not numbers.are_numbers([entry])]
        raise DataError(
            f"{shown(table.path)}: column {shown(name)!r} holds {shown(entries[wrong[0]])!r} ({table.at(wrong)}); "
            f"the model takes numbers there, with a point, or nothing where none is known. Correct the entries."
        )
    with np.errstate(over="ignore"):  # what is too large is told by its column
        return entries.numbers.astype(np.float32)
