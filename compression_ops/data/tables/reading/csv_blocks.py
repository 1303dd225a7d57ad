"""The rows of delimited text, so many at a time that little of a file is in memory at once.

    bytes ─► blocks of whole lines ─┬─ without quotes ─► pyarrow.csv ─┬─► Rows
                                    └─ any others ─► csv.reader ──────┘

A row is what `csv.reader` says that it is. pyarrow splits blocks many times faster, and is asked only of such as both
split alike: large ones whose lines are rows of one width.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from compression_ops.data.file_names import shown
from compression_ops.data.storage import memory
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
BYTES = 1 << 21  # of a block
_FIRST = 1 << 16  # bytes of the first one, which has the columns' names
_LEAST = 1 << 18  # bytes, from which on importing pyarrow pays
_LINES, _ENTRIES = 10_000, 1 << 17  # that are looked at together, of text that comes by lines; of rows
_LONG = 1 << 22  # letters or bytes of a row, and each time that there are twice as many, from which on it is asked for
_LETTER = 12  # bytes in memory of a letter, while the row that it is in is read
LONGEST = 2**31 - 1  # characters of an entry, which may be a text; csv's own limit, of the process, is 131,072
_SPACE = "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace())  # all that str.strip takes away
_ASCII_SPACE = "".join(letter for letter in _SPACE if letter.isascii())

Block = bytes | list[str]


class Rows(NamedTuple):
    """lines: on which each row begins, from 1; columns: of each one that was asked for the entries, without space
    around them; ragged: lines of further rows, which have another length.
    """

    lines: Sequence[int]
    columns: "Sequence[list[str] | pa.Array[Any]]"
    ragged: list[int]


def of_bytes(file: IO[bytes], where: str) -> Iterator[bytes]:
    """The rest of a file, whole lines at a time; a line that is longer than a block is asked for as it grows."""
    rest, size = b"", _FIRST
    while piece := file.read(size):
        rest += piece
        if end := _end(rest):
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > _LONG:
            memory.require(where, _LETTER * len(rest), "A row is not longer than a few MB; are lines missing?")
        size = max(BYTES, len(rest))
    if rest:
        yield rest


def bounded(lines: Iterable[str], where: str) -> Iterator[str]:
    """Lines that may all become one row: they are asked for as they grow."""
    letters, asked = 0, _LONG
    for line in lines:
        letters += len(line)
        if letters > asked:
            asked = 2 * letters
            memory.require(where, _LETTER * letters, "Is a double quote missing?")
        yield line


def of_text(text: IO[str]) -> Iterator[list[str]]:
    """The rest of a text, some lines at a time."""
    while lines := list(islice(text, _LINES)):
        yield lines


def _end(block: bytes) -> int:
    """Where its last whole line ends. A `\\r` at the end may be half a line's end."""
    return block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, len(block) - 1) + 1


class Reader:
    """Rows of blocks, of which one may end within a row."""

    def __init__(self, path: Path, blocks: Iterator[Block], delimiter: str, skipped: int = 0) -> None:
        """`skipped` lines stand before the row of names."""
        csv.field_size_limit(LONGEST)
        self._path, self._blocks, self._delimiter = path, blocks, delimiter
        self._lines, self._index, self._given = list[str](), 0, 0
        self._letters, self._asked = 0, _LONG
        self._csv = csv.reader(self._line_by_line(), delimiter=delimiter, skipinitialspace=True, strict=True)
        for _ in range(skipped):
            next(self._line_by_line(), None)

    def names(self) -> list[str]:
        """The first row that has an entry; none of a file without such."""
        while self._more():
            _, row = self._row()
            if any(row := [entry.strip() for entry in row]):
                return row
        return []

    def rows(self, width: int, wanted: Sequence[int]) -> Iterator[Rows]:
        """All others, of so many entries, with the columns of these numbers."""
        while True:
            if self._index < len(self._lines):
                yield self._slowly(width, wanted)
            elif (block := next(self._blocks, None)) is None:
                return
            elif (found := self._quickly(block, width, wanted)) is not None:
                yield found
            else:
                self._take(block)

    def _more(self) -> bool:
        while self._index == len(self._lines):
            if (block := next(self._blocks, None)) is None:
                return False
            self._take(block)
        return True

    def _take(self, block: Block) -> None:
        if isinstance(block, bytes):
            block = list(io.StringIO(block.decode("utf-8-sig" if self._given == 0 else "utf-8"), newline=""))
        self._lines, self._index = block, 0

    def _line_by_line(self) -> Iterator[str]:
        while self._more():
            line = self._lines[self._index]
            self._index += 1
            self._given += 1
            self._letters += len(line)
            if self._letters > self._asked:
                self._asked = 2 * self._letters
                memory.require(shown(self._path), _LETTER * self._letters, "Is a double quote missing?")
            yield line

    def _row(self) -> tuple[int, list[str]]:
        line, self._letters = self._given + 1, 0
        try:
            return line, next(self._csv, [])
        except csv.Error as error:
            raise DataError(
                f"{shown(self._path)}: line {line:,}: {error}. Is a double quote missing, or one within an entry not "
                f"doubled?"
            ) from error

    def _slowly(self, width: int, wanted: Sequence[int]) -> Rows:
        lines, rows, ragged = list[int](), list[list[str]](), list[int]()
        while self._index < len(self._lines) and len(rows) * width <= _ENTRIES:
            line, row = self._row()
            if not any(row) or not any(map(str.strip, row)):
                continue
            if len(row) != width:
                ragged.append(line)
                continue
            lines.append(line)
            rows.append(row)
        return Rows(lines, [[row[index].strip() for row in rows] for index in wanted], ragged)

    def _quickly(self, block: Block, width: int, wanted: Sequence[int]) -> Rows | None:
        """None for a block that csv.reader is to split."""
        if not isinstance(block, bytes) or len(block) < _LEAST or self._delimiter not in DELIMITERS:
            return None
        if b'"' in block or block.count(b"\r") != block.count(b"\r\n"):
            return None
        if (columns := _split(block, self._delimiter, width)) is None:
            return None
        trimmed = _Trimmed(block, columns)
        first = self._given + 1
        self._given += len(columns[0])
        filled = trimmed.filled()
        if filled is None:
            return Rows(range(first, self._given + 1), [trimmed[index] for index in wanted], [])
        lines = [first + row for row, is_one in enumerate(filled.to_pylist()) if is_one]
        return Rows(lines, [trimmed[index].filter(filled) for index in wanted], [])


def _split(block: bytes, delimiter: str, width: int) -> "list[pa.Array[Any]] | None":
    """The columns as they stand; None where lines are not all rows of that width."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = list(map(str, range(width)))
    reading = arrow.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names)
    parsing = arrow.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False)
    converting = arrow.ConvertOptions(check_utf8=False, column_types=dict.fromkeys(names, pa.string()))
    try:
        table = arrow.read_csv(pa.BufferReader(block), reading, parsing, converting)
    except pa.ArrowException:
        return None
    if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    return [column.combine_chunks() for column in table.columns]


class _Trimmed:
    """Columns of a block without space around their entries."""

    def __init__(self, block: bytes, columns: "list[pa.Array[Any]]") -> None:
        self._columns = columns
        self._is_ascii = block.isascii()
        self._is_trimmed = self._is_ascii and not any(sign.encode() in block for sign in _ASCII_SPACE if sign != "\n")

    def __getitem__(self, index: int) -> "pa.Array[Any]":
        from pyarrow import compute

        column = self._columns[index]
        if self._is_trimmed:
            return column
        name, signs = ("ascii_trim", _ASCII_SPACE) if self._is_ascii else ("utf8_trim", _SPACE)
        return compute.call_function(name, [column], compute.TrimOptions(signs))

    def filled(self) -> "pa.Array[Any] | None":
        """Which rows have an entry; None where all have."""
        import pyarrow as pa
        from pyarrow import compute

        filled = None
        for index in range(len(self._columns)):
            some = compute.call_function("not_equal", [self[index], pa.scalar("")])
            filled = some if filled is None else compute.call_function("or", [filled, some])
            if filled.true_count == len(filled):
                return None
        return filled
