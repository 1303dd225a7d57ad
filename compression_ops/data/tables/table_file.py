"""A table on disk as columns, each entry with the line that it stands on.

CSV of any usual delimiter (RFC 4180, UTF-8 with or without its mark), or Parquet, read a block at a time. Nothing is
guessed of an entry: an empty one is "", every other is what stands there without space around it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compression_ops.data.file_names import shown
from compression_ops.data.tables.entries import Entries
from compression_ops.data.tables.line_numbers import told
from compression_ops.data.tables.reading import csv_file, parquet_file
from compression_ops.data.tables.reading.columns import Columns
from compression_ops.data.tables.reading.csv_file import Decode
from compression_ops.errors import DataError

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", *PARQUET)
_LOOKED_AT = 1 << 16  # bytes of a file by which it is told from one of another kind, before all of it is read


@dataclass(frozen=True)
class Table:
    """What a table holds.

    path     the file
    names    of all its columns, as they stand
    columns  entries of those that were asked for, row by row
    places   of each row: its line in the file, from 1; in Parquet, which has none, its number
    unit     which of them `places` are
    """

    path: Path
    names: tuple[str, ...]
    columns: dict[str, Entries]
    places: Sequence[int]
    unit: Literal["line", "row"]

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: Sequence[int]) -> str:
        """`lines 2, 5-9`: where all of these rows stand."""
        return told([self.places[row] for row in rows], self.unit)


def read(
    path: Path,
    wanted: Collection[str] | None = None,
    decode: Decode | None = None,
    texts: Collection[str] | None = None,
) -> Table:
    """The columns of these names, where there are such; by default all that hold text or numbers.

    decode  makes text of a file's bytes, which are else UTF-8
    texts   columns that are looked at as text; the numbers of any other are kept, where it has nothing else. By default
            all are

    Rows without any entry are left out. Raises DataError for a file that is no table, for text that is not UTF-8, for
    rows of another length than the first, for a wanted column whose name stands twice or which is no text and no
    number, for a table without rows, and for one that takes more memory than there is.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
        is_parquet = start.startswith(parquet_file.MARK)
        if decode is None and not start.startswith((parquet_file.MARK, csv_file.ZIP, *csv_file.MARKS)):
            csv_file.require_no_zero(path, start)
        table = _read(path, is_parquet, wanted, decode, texts)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}). Correct path or its rights.") from error
    if not len(table):
        raise DataError(f"{shown(path)}: a table without rows; needed is a line a sample below the columns' names.")
    return table


def _read(
    path: Path,
    is_parquet: bool,
    wanted: Collection[str] | None,
    decode: Decode | None,
    texts: Collection[str] | None,
) -> Table:
    def columns_of(wanted: Collection[str] | None, texts: Collection[str] | None) -> tuple[tuple[str, ...], Columns]:
        if is_parquet:
            return parquet_file.read(path, wanted, texts)
        return csv_file.read(path, wanted, texts, decode)

    def again(names: Collection[str]) -> dict[str, Entries]:
        """Of columns that were read as numbers."""
        _, columns = columns_of(names, None)
        if len(columns.places) != len(places):
            raise DataError(f"{shown(path)}: it was changed while it was read. Read it again when it is complete.")
        return columns.read(lambda name: again([name])[name])

    names, columns = columns_of(wanted, texts)
    places = columns.places
    found = columns.read(lambda name: again([name])[name])
    if lost := columns.lost():
        found |= again(lost)
    return Table(path, names, found, places, "row" if is_parquet else "line")
