"""Rows of a table without classes, for a model that was made from another."""

from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.file_names import listed, shown
from compression_ops.data.modalities.modality import Read
from compression_ops.data.modalities.table import Table
from compression_ops.data.tables import features, numbers, table_file
from compression_ops.data.tables.line_numbers import told
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DELIMITERS = ",;\t|"


def read(file: Path, modality: Table) -> list[Read]:
    """Of each row, called `rows.csv line 2`, values float32 [F]; of one without any entry all are missing. Categories
    that the model does not know are code 0. Both are told.

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
    faults = _unknown(table, known, values)
    found = [
        (table.places[row], Read(f"{shown(file)} {table.at([row])}", values[row], faults.get(row)))
        for row in range(len(table))
    ]
    nothing = np.array([np.nan if names is None else 0 for names in known.values()], np.float32)
    found += [
        (line, Read(f"{shown(file)} {told([line], 'line')}", nothing, "a row without any entry"))
        for line in _empty(table)
    ]
    return [read for _, read in sorted(found, key=itemgetter(0))]


def _empty(table: table_file.Table) -> list[int]:
    """Lines of rows that have no entry, `,,,`, which a table of classes has no use for."""
    lines, is_quoted, begun = list[int](), False, False
    if table.unit == "row" or len(table.names) < 2:
        return lines
    with table.path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            bare = not line.strip(_DELIMITERS + '" \t\r\n')
            if begun and bare and not is_quoted and max(map(line.count, _DELIMITERS)) == len(table.names) - 1:
                lines.append(number)
            begun = begun or not bare
            is_quoted ^= line.count('"') % 2 == 1
    return lines


def _unknown(
    table: table_file.Table, known: Mapping[str, tuple[str, ...] | None], values: "NDArray[np.float32]"
) -> dict[int, str]:
    """Of each row that has any, its entries that are no category of the model's, in words."""
    faults = dict[int, str]()
    for index, (name, names) in enumerate(known.items()):
        for row in (values[:, index] == 0).nonzero()[0].tolist() if names else ():
            if not numbers.is_missing(entry := table.columns[name][row]):
                held = (
                    f"column {shown(name)!r} holds {shown(entry)!r}, which the model does not know: it counts as none"
                )
                faults[row] = f"{faults[row]}; {held}" if row in faults else held
    return faults


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
