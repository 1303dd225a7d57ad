"""A table whose rows are samples, and perhaps another of test samples, as raw data."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.file_names import key, listed, shown
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.splits.groups import of_array
from compression_ops.data.tables import features, labels, table_file, targets
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Columns:
    """Names of columns, as the recipe states them.

    target      of the classes
    columns     what a network is given; None for all others
    categories  those of them that are categories although their entries are numbers
    groups      whose equal entries no split parts
    """

    target: str
    columns: Sequence[str] | None = None
    categories: Collection[str] = ()
    groups: str | None = None


def read(
    path: Path,
    test_path: Path | None,
    asked: Columns,
    test_fraction: float,
    texts: Callable[[Path], Collection[str]] = lambda _: (),
) -> RawData:
    """Rows float32 [N, F] (see compression_ops.data.modalities.table), labels and groups.

    texts  the columns that a file says are no numbers

    Raises DataError, which names lines and columns, as `table_file.read`, `features.of_tables` and `targets.of_tables`
    do, and for columns that are not there or that stand twice.
    """
    tables = [_table(file) for file in (path, test_path) if file is not None]
    names = _features(tables[0], asked)
    warnings = _unnamed(tables[0])
    for table in tables[1:]:
        warnings += _require_columns(table, tables[0], [*names, asked.target])
    found = features.of_tables(tables, names, asked.categories, texts(path))
    numbers, classes, alike = targets.of_tables(tables, asked.target)
    parts = [
        Samples(values, own, _groups(table, asked.groups, is_test=table is not tables[0]))
        for table, values, own in zip(tables, found.values, numbers, strict=True)
    ]
    test = parts[1] if len(parts) == 2 else HoldOut(test_fraction)
    return RawData(parts[0], test, classes, (*warnings, *found.warnings, *alike), found.modality)


def _table(path: Path) -> table_file.Table:
    table = table_file.read(path)
    if repeated := sorted({name for name in table.names if name and table.names.count(name) > 1}):
        raise DataError(f"{shown(path)}: several columns are named {listed(repeated)}. Rename all but one.")
    if len(table.names) == 1:
        raise DataError(
            f"{shown(path)}: there is one column, {shown(table.names[0])!r}; needed are that of the classes and "
            f"others. Where entries are delimited by another sign than `,` `;` tab or `|`, save the table with one of "
            f"these."
        )
    return table


def _features(table: table_file.Table, asked: Columns) -> list[str]:
    labels.column(table, asked.target, "target")
    if asked.groups is not None:
        labels.column(table, asked.groups, "groups")
    for field, stated in (("columns", asked.columns or ()), ("categories", asked.categories)):
        for name in stated:
            labels.column(table, name, field)
    left = (asked.target, asked.groups)
    if asked.columns is not None and (taken := [name for name in asked.columns if name in left]):
        raise DataError(f"dataset.columns: {listed(taken)} would tell the class or the group itself. Leave it out.")
    names = list(table.columns if asked.columns is None else dict.fromkeys(asked.columns))
    if others := [name for name in asked.categories if name not in names or name in left]:
        raise DataError(f"dataset.categories: {listed(others)} is none of the columns that are taken. Leave it out.")
    return [name for name in names if name not in left]


def _unnamed(table: table_file.Table) -> list[str]:
    others = len(table.names) - len(table.columns)
    return [f"{shown(table.path)}: {others} column(s) without a name, or nested, were left out."] if others else []


def _require_columns(table: table_file.Table, training: table_file.Table, names: Sequence[str]) -> list[str]:
    """Warnings of columns that only the test samples have. Raises DataError for such as they lack."""
    if absent := [name for name in names if name not in table.columns]:
        raise DataError(
            f"dataset.test_path: {shown(table.path)} has no column(s) {listed(absent)}, which {shown(training.path)} "
            f"has. Test samples need the same columns; there are {listed([name for name in table.names if name])}."
        )
    if others := [name for name in table.columns if name not in training.columns]:
        return [f"{shown(table.path)}: {listed(others)}, which {shown(training.path)} has not, were left aside."]
    return []


def _groups(table: table_file.Table, name: str | None, is_test: bool) -> "NDArray[np.str_] | None":
    import numpy as np

    if name is None or (is_test and name not in table.columns):
        return None
    entries = table.columns[name]
    labels.require_filled(table, entries, range(len(table)), name, "groups")
    stated = np.array([key(entry) for entry in labels.normal(entries)], np.str_)
    return of_array(stated, len(table), f"{table.path}: {name}")
