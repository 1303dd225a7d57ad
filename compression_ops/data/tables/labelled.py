"""A table whose rows are samples, and perhaps another of test samples, as raw data."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from compression_ops.data.file_names import key, listed, placed, shown
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.splits.groups import of_array
from compression_ops.data.tables import features, labels, table_file, targets
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rows(DatasetSpec):
    """What a source of rows states, whatever the format of its files."""

    path: str = Field(min_length=1, description="The table.")
    target: str = Field(min_length=1, description="Column of the classes: text or whole numbers.")
    test_path: str | None = Field(
        default=None,
        min_length=1,
        description="Table of the test samples, relative to the other's folder; by default some are held out.",
    )
    columns: list[str] | None = Field(
        default=None, min_length=1, description="Columns that a network is given; by default all others."
    )
    categories: list[str] = Field(
        default=[], description="Columns of numbers that are names, as postcodes; each number is one of its own."
    )
    groups: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose equal entries mark rows that no split parts, as `patient`; none by default.",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where there is no `test_path`."
    )

    @property
    def sample_type(self) -> str:
        return "table"


def locate(spec: Rows, folders: Sequence[Path]) -> Path | None:
    """The file `path`: as it is, or where relative also in each of `folders`; None where it or the test file is not."""
    found = placed(spec.path, folders, Path.is_file)
    return found if found is not None and all(file.is_file() for file in files(spec, found)) else None


def files(spec: Rows, root: Path) -> list[Path]:
    """The table, and that of the test samples."""
    return [root] if spec.test_path is None else [root, root.parent / Path(spec.test_path).expanduser()]


def read(spec: Rows, root: Path, texts: Callable[[Path], Collection[str]] = lambda _: ()) -> RawData:
    """Rows float32 [N, F] (see compression_ops.data.modalities.table), labels and groups; classes are the target's
    entries in natural order.

    texts  the columns that a file says are no numbers

    Raises DataError, which names lines and columns, as `table_file.read`, `features.of_tables` and `targets.of_tables`
    do, and for columns that are not there or that stand twice.
    """
    categories = texts(root)
    named = {spec.target, *spec.categories, *categories, *([] if spec.groups is None else [spec.groups])}
    tables = [_table(file, _wanted(spec), named) for file in files(spec, root)]
    names = _features(tables[0], spec)
    warnings = _unnamed(tables[0]) if spec.columns is None else []
    for table in tables[1:]:
        warnings += _require_columns(table, tables[0], [*names, spec.target])
    found = features.of_tables(tables, names, spec.categories, categories)
    numbers, classes, alike = targets.of_tables(tables, spec.target)
    parts = [
        Samples(values, own, _groups(table, spec.groups, is_test=table is not tables[0]))
        for table, values, own in zip(tables, found.values, numbers, strict=True)
    ]
    test = parts[1] if len(parts) == 2 else HoldOut(spec.test_fraction)
    return RawData(parts[0], test, classes, (*warnings, *found.warnings, *alike), found.modality)


def _wanted(spec: Rows) -> list[str] | None:
    """The columns that are read: all where none are stated."""
    if spec.columns is None:
        return None
    return [*spec.columns, *spec.categories, spec.target, *([] if spec.groups is None else [spec.groups])]


def _table(path: Path, wanted: Collection[str] | None, texts: Collection[str]) -> table_file.Table:
    table = table_file.read(path, wanted, texts=texts)
    if repeated := sorted({name for name in table.names if name and table.names.count(name) > 1}):
        raise DataError(f"{shown(path)}: several columns are named {listed(repeated)}. Rename all but one.")
    if len(table.names) == 1:
        raise DataError(
            f"{shown(path)}: there is one column, {shown(table.names[0])!r}; needed are that of the classes and "
            f"others. Where entries are delimited by another sign than `,` `;` tab or `|`, save the table with one of "
            f"these."
        )
    return table


def _features(table: table_file.Table, spec: Rows) -> list[str]:
    labels.column(table, spec.target, "target")
    if spec.groups is not None:
        labels.column(table, spec.groups, "groups")
    for field, stated in (("columns", spec.columns or ()), ("categories", spec.categories)):
        for name in stated:
            labels.column(table, name, field)
    left = (spec.target, spec.groups)
    if spec.columns is not None and (taken := [name for name in spec.columns if name in left]):
        raise DataError(f"dataset.columns: {listed(taken)} would tell the class or the group itself. Leave it out.")
    names = list(table.columns if spec.columns is None else dict.fromkeys(spec.columns))
    if others := [name for name in spec.categories if name not in names or name in left]:
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
    texts, codes = table.columns[name].encoded()
    empty = np.array([not entry for entry in texts], bool)
    labels.require_none(table, np.flatnonzero(empty[codes]).tolist(), name, "groups")
    stated = np.array([key(entry) for entry in labels.normal(texts)], np.str_)[codes]
    return of_array(stated, len(table), f"{table.path}: {name}")
