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
from typing import IO, TYPE_CHECKING, Any, Literal

from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.storage import memory
from compression_ops.data.tables.line_numbers import told
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", *PARQUET)
_DELIMITERS = ",;\t|"
_SNIFFED = 200  # rows by which the delimiter is found
_LONGEST = 2**31 - 1  # characters of an entry, which may be a text; csv's own limit, of the process, is 131,072
_LOOKED_AT = 1 << 16  # bytes of a file by which it is told from one of another kind, before all of it is read
_BLOCK = 1 << 24  # bytes
_ASKED_AFTER = 100_000  # entries, and each time that there are twice as many
_ENTRY_BYTES, _VALUE_BYTES = 64, 100  # beside its letters, of an entry in memory; of one that was a number before
_FEWER = (
    "Take fewer rows or columns (of rows that are samples, those that `columns` in the recipe's dataset names; other "
    "data than a table need not fit)"
)
_MARK = "\ufeff"
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


# (file, its bytes) -> their text, its lines as they end; raises DataError for bytes that are none.
Decode = Callable[[Path, bytes], IO[str]]


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
    number, for a table without rows, and for one that takes more memory than there is.
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
    size = path.stat().st_size
    memory.require(shown(path), 2 * size, _FEWER)
    raw = path.read_bytes()
    text, places = decode(path, raw), list[int]()
    csv.field_size_limit(_LONGEST)
    separator = _stated(text)
    rows = _records(path, text, separator or _delimiter(text), 0 if separator is None else 1)
    _, names = next(rows, (0, []))
    if not any(names):
        raise DataError(f"{shown(path)}: an empty table; needed are the columns' names in the first line.")
    taken = _taken(path, names, wanted)
    columns = {name: list[str]() for name in taken}
    ragged = list[int]()
    growth = _Growth(path, size, len(taken) + 1)
    for line, row in rows:
        if len(row) != len(names):
            ragged.append(line)
            continue
        places.append(line)
        growth.add(row)
        for name, index in taken.items():
            columns[name].append(row[index])
    if ragged:
        raise DataError(
            f"{shown(path)}: {len(ragged):,} row(s) do not have {len(names)} entries, as the first line with the "
            f"columns' names has: {told(ragged)}. Put entries that hold the delimiter into double quotes, and name "
            f"every column."
        )
    return Table(path, tuple(names), columns, places, "line")


@dataclass
class _Growth:
    """How much memory the rows of a table of so many bytes will take, of which so many entries are kept, by those so
    far: asked for each time that they have doubled.
    """

    path: Path
    size: int
    kept: int
    rows: int = 0
    letters: int = 0
    _next: int = _ASKED_AFTER

    def add(self, row: Sequence[str]) -> None:
        self.rows += 1
        self.letters += len(row) + sum(map(len, row))
        if self.rows * self.kept >= self._next:
            self._next = 2 * self.rows * self.kept
            each, all_rows = _ENTRY_BYTES * self.kept, max(self.rows, self.size * self.rows // self.letters)
            memory.require(shown(self.path), self.size + each * all_rows, _FEWER, each * self.rows)


def _decoded(path: Path, raw: bytes) -> IO[str]:
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
    if encoding or raw.startswith(_ZIP):
        found = f"is {encoding}" if encoding else "is an Excel workbook or another archive"
        raise DataError(f"{shown(path)}: {found}; allowed are UTF-8 text and Parquet. Save it as CSV in UTF-8.")
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for start in range(0, len(raw), _BLOCK):
            decoder.decode(raw[start : start + _BLOCK], start + _BLOCK >= len(raw))
    except UnicodeDecodeError:
        _refuse_others(path, raw)
    _refuse_zero(path, raw)
    return io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="")


def _refuse_others(path: Path, raw: bytes) -> None:
    """Raises DataError, with its place, for a byte that is no UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1]
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{shown(path)}: line {line:,}: the byte 0x{byte[0]:02X} is no UTF-8 (in Windows-1252 it is "
            f"{shown(byte.decode('cp1252', 'backslashreplace'))}). Save the table in UTF-8."
        ) from error


def _from_beginning(text: IO[str], lines: int = 0) -> IO[str]:
    """A text without its mark and its first lines."""
    text.seek(0)
    if text.read(1) != _MARK:
        text.seek(0)
    for _ in range(lines):
        text.readline()
    return text


def _stated(text: IO[str]) -> str | None:
    """The delimiter that a line before the names states, which Excel writes and reads."""
    begins = _from_beginning(text).read(6)
    return begins[4] if begins[:4].lower() == "sep=" and begins[5:] in ("\r", "\n") else None


def _refuse_zero(path: Path, raw: bytes) -> None:
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise DataError(f"{shown(path)}: line {line:,}: the byte 0x00 is no text; allowed are CSV and Parquet.")


def _records(path: Path, text: IO[str], delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Each row that has an entry, with the line on which it begins, after `first` others."""
    lines = _from_beginning(text, first)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
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


def _delimiter(text: IO[str]) -> str:
    """That by which most rows have as many entries as the first; of such, the one that makes most."""
    scores = dict[str, tuple[float, int]]()
    for delimiter in _DELIMITERS:
        reader = csv.reader(_from_beginning(text), delimiter=delimiter, skipinitialspace=True)
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
        _require_room(path, parquet.read_metadata(path), plain)
        texts = [name for name in plain if _is_text(schema.field(taken[name]).type)]
        read = parquet.read_table(path, columns=plain, read_dictionary=texts)
    except pa.ArrowException as error:
        raise DataError(f"{shown(path)}: not a Parquet file that can be read: {shown(error)}. Save it anew.") from error
    columns = {name: list(_entries(read.column(name))) for name in plain}
    return Table(path, tuple(schema.names), columns, list(range(1, read.num_rows + 1)), "row")


def _require_room(path: Path, head: "FileMetaData", names: Collection[str]) -> None:
    """A file of some bytes can tell of any number of rows that are all alike."""
    groups = [head.row_group(number) for number in range(head.num_row_groups)]
    parts = [group.column(column) for group in groups for column in range(head.num_columns)]
    size = sum(part.total_uncompressed_size for part in parts if part.path_in_schema in names)
    memory.require(shown(path), 2 * size + _VALUE_BYTES * head.num_rows * (len(names) + 1), _FEWER)


def _entries(column: "pa.ChunkedArray[Any]") -> Iterator[str]:
    """Of a column that comes with its different values, each of these is one string, however often it stands there."""
    import pyarrow as pa

    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            values = [_entry(value) for value in chunk.dictionary.to_pylist()]
            yield from ("" if index is None else values[index] for index in chunk.indices.to_pylist())
        else:
            yield from (_entry(value) for value in chunk.to_pylist())


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_plain(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    value = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return not pa.types.is_nested(value) and not pa.types.is_binary(value) and not pa.types.is_large_binary(value)


def _entry(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # NaN alone differs from itself
