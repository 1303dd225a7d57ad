"""A table on disk as columns of text, each entry with the line that it stands on.

CSV of any usual delimiter (RFC 4180, UTF-8 with or without its mark), or Parquet. Nothing is guessed of an entry: an
empty one is "", every other is what stands there without space around it.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.tables.line_numbers import told
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", *PARQUET)
_DELIMITERS = ",;\t|"
_SNIFFED = 200  # rows by which the delimiter is found
_LONGEST = 2**31 - 1  # characters of an entry, which may be a text; csv's own limit, of the process, is 131,072
_LOOKED_AT = 1 << 16  # bytes of a file by which it is told from one of another kind, before all of it is read
_MOST = 10**8  # entries of a table, which is held in memory as text
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


# (file, its bytes) -> their text, without a byte order mark; raises DataError for bytes that are none.
Decode = Callable[[Path, bytes], str]


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
    columns: dict[str, list[str]]
    places: list[int]
    unit: Literal["line", "row"]

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: Sequence[int]) -> str:
        """`lines 2, 5-9`: where all of these rows stand."""
        return told([self.places[row] for row in rows], self.unit)


def read(path: Path, wanted: Collection[str] | None = None, decode: Decode | None = None) -> Table:
    """The columns of these names, where there are such; by default all that hold text or numbers.

    decode  makes text of a file's bytes, which are else UTF-8

    Rows without any entry are left out. Raises DataError for a file that is no table, for text that is not UTF-8, for
    rows of another length than the first, for a wanted column whose name stands twice or which is no text and no
    number, and for a table without rows.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
        is_parquet = start.startswith(_PARQUET)
        if decode is None and not start.startswith((_PARQUET, _ZIP, *_MARKS)):
            _refuse_zero(path, start)
        table = _parquet(path, wanted) if is_parquet else _text(path, wanted, decode or _decoded)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}). Correct path or its rights.") from error
    if not len(table):
        raise DataError(f"{shown(path)}: a table without rows; needed is a line a sample below the columns' names.")
    return table


def _text(path: Path, wanted: Collection[str] | None, decode: Decode) -> Table:
    text = decode(path, path.read_bytes())
    first, places = 0, list[int]()
    csv.field_size_limit(_LONGEST)
    separator = None
    if text[:4].lower() == "sep=" and text[4:5] and text[5:6] in ("\r", "\n"):  # what Excel writes and reads
        separator, first = text[4], 1
        text = text[5:].removeprefix("\r").removeprefix("\n")
    rows = _records(path, text, separator or _delimiter(text), first)
    _, names = next(rows, (0, []))
    if not any(names):
        raise DataError(f"{shown(path)}: an empty table; needed are the columns' names in the first line.")
    taken = _taken(path, names, wanted)
    columns = {name: list[str]() for name in taken}
    ragged = list[int]()
    for line, row in rows:
        if len(row) != len(names):
            ragged.append(line)
            continue
        places.append(line)
        for name, index in taken.items():
            columns[name].append(row[index])
    if ragged:
        raise DataError(
            f"{shown(path)}: {len(ragged):,} row(s) do not have {len(names)} entries, as the first line with the "
            f"columns' names has: {told(ragged)}. Put entries that hold the delimiter into double quotes, and name "
            f"every column."
        )
    return Table(path, tuple(names), columns, places, "line")


def _decoded(path: Path, raw: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
    if encoding or raw.startswith(_ZIP):
        found = f"is {encoding}" if encoding else "is an Excel workbook or another archive"
        raise DataError(f"{shown(path)}: {found}; allowed are UTF-8 text and Parquet. Save it as CSV in UTF-8.")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1]
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{shown(path)}: line {line:,}: the byte 0x{byte[0]:02X} is no UTF-8 (in Windows-1252 it is "
            f"{shown(byte.decode('cp1252', 'backslashreplace'))}). Save the table in UTF-8."
        ) from error
    _refuse_zero(path, raw)
    return text


def _refuse_zero(path: Path, raw: bytes) -> None:
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise DataError(f"{shown(path)}: line {line:,}: the byte 0x00 is no text; allowed are CSV and Parquet.")


def _records(path: Path, text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Each row that has an entry, with the line on which it begins, after `first` others."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = first + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{shown(path)}: line {line:,}: {error}. Is a double quote missing, or one within an entry not doubled?"
            ) from error
        if row is None:
            return
        row = [entry.strip() for entry in row]
        if any(row):
            yield line, row


def _delimiter(text: str) -> str:
    """That by which most rows have as many entries as the first; of such, the one that makes most."""
    scores = dict[str, tuple[float, int]]()
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        try:
            widths = [len(row) for row in islice(reader, _SNIFFED) if row]
        except csv.Error:  # an entry beyond the limit
            continue
        if widths and widths[0] > 1:
            scores[delimiter] = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
    return max(scores, key=scores.__getitem__) if scores else ","


def _taken(path: Path, names: Sequence[str], wanted: Collection[str] | None) -> dict[str, int]:
    """{name: position} of the columns to read."""
    repeated = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if refused := [name for name in repeated if wanted is not None and name in wanted]:
        raise DataError(f"{shown(path)}: several columns are named {listed(refused)}. Rename all but one.")
    return {
        name: index
        for index, name in enumerate(names)
        if (name in wanted if wanted is not None else name and name not in repeated)
    }


def _parquet(path: Path, wanted: Collection[str] | None) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        taken = _taken(path, schema.names, wanted)
        nested = [name for name, index in taken.items() if not _is_plain(schema.field(index).type)]
        if wanted is not None and nested:
            told_of = lines([f"{name}: {schema.field(taken[name]).type}" for name in nested])
            raise DataError(f"{shown(path)}: columns that are neither text nor numbers; convert them:{told_of}")
        plain = [name for name in taken if name not in nested]
        _require_few(path, parquet.read_metadata(path).num_rows * len(plain))
        read = parquet.read_table(path, columns=plain)
    except pa.ArrowException as error:
        raise DataError(f"{shown(path)}: not a Parquet file that can be read: {shown(error)}. Save it anew.") from error
    columns = {name: [_entry(value) for value in read.column(name).to_pylist()] for name in plain}
    return Table(path, tuple(schema.names), columns, list(range(1, read.num_rows + 1)), "row")


def _require_few(path: Path, entries: int) -> None:
    """A file of some bytes can tell of any number of rows that are all alike."""
    if entries > _MOST:
        raise DataError(
            f"{shown(path)}: {entries:,} entries; allowed are {_MOST:,}, since a table is held in memory. Take fewer "
            "rows or columns: of rows that are samples, those that `columns` in the recipe's dataset names."
        )


def _is_plain(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    value = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return not pa.types.is_nested(value) and not pa.types.is_binary(value) and not pa.types.is_large_binary(value)


def _entry(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # NaN alone differs from itself
