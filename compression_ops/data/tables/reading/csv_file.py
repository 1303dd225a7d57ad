"""Delimited text as columns: RFC 4180 of any usual delimiter, in UTF-8 with or without its mark."""

import codecs
import csv
from collections.abc import Callable, Collection
from itertools import islice
from pathlib import Path
from typing import IO

from compression_ops.data.file_names import shown
from compression_ops.data.tables.line_numbers import told
from compression_ops.data.tables.reading import csv_blocks
from compression_ops.data.tables.reading.columns import Columns, taken
from compression_ops.data.tables.reading.csv_blocks import Reader
from compression_ops.errors import DataError

ZIP = b"PK\x03\x04"
MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_SNIFFED = 200  # rows by which the delimiter is found
_BLOCK = 1 << 24  # bytes
_MARK = "\ufeff"

# A file -> its text, its lines as they end; raises DataError for bytes that are none.
Decode = Callable[[Path], IO[str]]


def read(
    path: Path, wanted: Collection[str] | None, texts: Collection[str] | None, decode: Decode | None
) -> tuple[tuple[str, ...], Columns]:
    """The names of all columns, and those that were asked for, as `table_file.read` is asked.

    Raises DataError as that does, OSError for a file that cannot be read.
    """
    size = path.stat().st_size
    if decode is not None:
        with decode(path) as text:
            delimiter, skipped = _delimiter(path, text)
            reader = Reader(path, csv_blocks.of_text(_from_beginning(text)), delimiter, skipped)
            bytes_of = getattr(text, "buffer", None)  # which a text that is in memory has not
            return _gathered(reader, path, size, wanted, texts, (lambda: size) if bytes_of is None else bytes_of.tell)
    _require_text(path)
    with path.open(encoding="utf-8", newline="") as text:
        delimiter, skipped = _delimiter(path, text)
    with path.open("rb") as file:
        reader = Reader(path, csv_blocks.of_bytes(file, shown(path)), delimiter, skipped)
        return _gathered(reader, path, size, wanted, texts, file.tell)


def _gathered(
    reader: Reader,
    path: Path,
    size: int,
    wanted: Collection[str] | None,
    texts: Collection[str] | None,
    done: Callable[[], int],
) -> tuple[tuple[str, ...], Columns]:
    names = reader.names()
    if not names:
        raise DataError(f"{shown(path)}: an empty table; needed are the columns' names in the first line.")
    asked = taken(path, names, wanted)
    columns = Columns(path, size, [*asked], texts)
    ragged = list[int]()
    for rows in reader.rows(len(names), [*asked.values()]):
        ragged += rows.ragged
        columns.add(rows.lines, rows.columns, done())
    if ragged:
        raise DataError(
            f"{shown(path)}: {len(ragged):,} row(s) do not have {len(names)} entries, as the first line with the "
            f"columns' names has: {told(ragged)}. Put entries that hold the delimiter into double quotes, and name "
            f"every column."
        )
    return tuple(names), columns


def require_no_zero(path: Path, start: bytes) -> None:
    """Raises DataError, with its line, for a byte 0x00 among the first ones of a file."""
    if b"\0" in start:
        _refuse_zero(path, start.count(b"\n", 0, start.index(b"\0")) + 1)


def _refuse_zero(path: Path, line: int) -> None:
    raise DataError(f"{shown(path)}: line {line:,}: the byte 0x00 is no text; allowed are CSV and Parquet.")


def _require_text(path: Path) -> None:
    """Raises DataError, with its line, for the first byte that is no UTF-8; or else for the first that is 0x00."""
    decoder, line, zero = codecs.getincrementaldecoder("utf-8")(), 1, None
    with path.open("rb") as file:
        raw = file.read(_BLOCK)
        _require_no_other(path, raw)
        while raw:
            following = file.read(_BLOCK)
            try:
                decoder.decode(raw, not following)
            except UnicodeDecodeError as error:
                _refuse(path, error, line)
            if zero is None and b"\0" in raw:
                zero = line + raw.count(b"\n", 0, raw.index(b"\0"))
            line += raw.count(b"\n")
            raw = following
    if zero is not None:
        _refuse_zero(path, zero)


def _require_no_other(path: Path, raw: bytes) -> None:
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), None)
    if encoding or raw.startswith(ZIP):
        found = f"is {encoding}" if encoding else "is an Excel workbook or another archive"
        raise DataError(f"{shown(path)}: {found}; allowed are UTF-8 text and Parquet. Save it as CSV in UTF-8.")


def _refuse(path: Path, error: UnicodeDecodeError, line: int) -> None:
    """`line` is that on which the bytes begin in which the error is."""
    byte = error.object[error.start : error.start + 1]
    line += error.object.count(b"\n", 0, error.start)
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


def _delimiter(path: Path, text: IO[str]) -> tuple[str, int]:
    """And the lines before the names: one where that states the delimiter, which Excel writes and reads."""
    begins = _from_beginning(text).read(6)
    if begins[:4].lower() == "sep=" and begins[5:] in ("\r", "\n"):
        return begins[4], 1
    return _likeliest(path, text), 0


def _likeliest(path: Path, text: IO[str]) -> str:
    """The delimiter by which most rows have as many entries as the first; of such, the one that makes most."""
    csv.field_size_limit(csv_blocks.LONGEST)
    scores = dict[str, tuple[float, int]]()
    for delimiter in csv_blocks.DELIMITERS:
        reader = csv.reader(
            csv_blocks.bounded(_from_beginning(text), shown(path)), delimiter=delimiter, skipinitialspace=True
        )
        try:
            widths = [len(row) for row in islice(reader, _SNIFFED) if row]
        except csv.Error:  # an entry beyond the limit
            continue
        if widths and widths[0] > 1:
            scores[delimiter] = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
    return max(scores, key=scores.__getitem__) if scores else ","
