"""The columns of a table while they are read, in little more memory than they will need."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, overload

from compression_ops.data.file_names import listed, shown
from compression_ops.data.storage import memory
from compression_ops.data.tables import numbers
from compression_ops.data.tables.entries import Entries, Part, is_encoded, packed, texts_of
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWER = (
    "Take fewer rows or columns (of rows that are samples, those that `columns` in the recipe's dataset names; other "
    "data than a table need not fit)"
)
_PART = 1 << 16  # rows of a part of text
_ASKED_AFTER = 100_000  # entries, and each time that there are twice as many
# Bytes of memory of an entry: of a number, as float64 or as float32 of which another is made; of a text beside its
# letters, as part of a list; of each different one, while these are looked at.
_NUMBER, _TEXT, _DIFFERENT = 8, 60, 160
_MAPPED = 1 << 18  # bytes, from which on what a column takes is the system's to have again
_TIMES = 16  # what is there, which room is made for at most
_SOON = 2  # times what was read, up to which it is not worth the time to see what it will take
_BATCH = 64 * 2**20  # of what is read at a time, and of what reads it
_ROW = 64  # bytes in memory a row, while a column is looked at


class Column:
    """One column while it is read. is_lost: it was to be one of numbers, and must be read again as text."""

    def __init__(self, may_be_numbers: bool) -> None:
        self.is_lost = False
        self.rows = 0
        self._values = _Numbers() if may_be_numbers else None
        self._parts, self._pending, self._waiting = list[Part](), list[Part](), 0
        self._bytes = self._different = 0

    def add(self, part: "Part | NDArray[np.floating[Any]]", expected: int) -> None:
        """More rows of about so many: numbers are added to a column that may be one of these, as it was so far."""
        is_first, self.rows = self.rows == 0, self.rows + len(part)
        if self.is_lost:
            return
        if self._values is not None and (values := _values(part)) is not None:
            self._values.add(values, expected)
        elif (self._values is not None and not is_first) or _is_array(part):
            self.is_lost, self._values, self._parts, self._pending = True, None, [], []
        else:
            self._values = None
            self._pending.append(part)
            self._waiting += len(part)
            if self._waiting >= _PART:
                self.pack()

    def entries(self, again: Callable[[], Entries]) -> Entries:
        """All that was added; `again` reads its text once more."""
        if self._values is not None:
            return Entries((), self._values.array(), again)
        return Entries([*self._parts, *self._pending])

    def size(self, times: float) -> float:
        """Bytes in memory, when there are so many times the rows."""
        if self._values is not None:
            return _NUMBER * self.rows * times
        return times * (self._bytes + _NUMBER * self.rows + _TEXT * self._waiting)

    def different(self) -> int:
        """Bytes in memory while those entries are looked at of which hardly any repeats another."""
        return self._different

    def pack(self) -> None:
        """Make what was added last as small as it will be."""
        if not self._pending:
            return
        part = packed(self._pending)
        self._parts.append(part)
        self._bytes += _bytes(part)
        self._different += 0 if is_encoded(part) else _bytes(part) + _DIFFERENT * len(part)
        self._pending, self._waiting = [], 0


class Columns:
    """All columns of a table of so many bytes while it is read."""

    def __init__(self, path: Path, size: int, names: Collection[str], texts: Collection[str] | None) -> None:
        """`texts` are no columns of numbers, whatever they hold; None: no column is."""
        self._path, self._size = path, size
        self._columns = {name: Column(texts is not None and name not in texts) for name in names}
        self._asked = _ASKED_AFTER
        self.places = Places()

    def add(self, lines: Sequence[int], parts: "Sequence[Part | NDArray[np.floating[Any]]]", done: int) -> None:
        """More rows, after which so many bytes of the file are read."""
        self.places.add(lines)
        times = max(1.0, self._size / max(1, done))
        for column, part in zip(self._columns.values(), parts, strict=True):
            column.add(part, int(1.01 * times * len(self.places)))
        if len(self.places) * (len(parts) + 1) >= self._asked:
            self._asked = 2 * len(self.places) * (len(parts) + 1)
            self._require(times)

    def _require(self, times: float) -> None:
        columns = self._columns.values()
        if times > _SOON:
            for column in columns:
                column.pack()
        widest = max((column.different() for column in columns), default=0)
        whole, there = (
            sum(column.size(share) for column in columns) + share * (_ROW * len(self.places) + widest)
            for share in (times, 1.0)
        )
        memory.require(shown(self._path), _BATCH + int(whole), FEWER, int(min(there, whole)))

    def lost(self) -> list[str]:
        """Those that were to be of numbers, and are not."""
        return [name for name, column in self._columns.items() if column.is_lost]

    def read(self, again: Callable[[str], Entries]) -> dict[str, Entries]:
        """What was added; `again` reads a column of numbers as text."""
        return {name: column.entries(lambda name=name: again(name)) for name, column in self._columns.items()}


class Places(Sequence[int]):
    """Where each row stands: numbers that mostly count up."""

    def __init__(self) -> None:
        self._rows, self._lines, self._count = array("q"), array("q"), 0

    def add(self, lines: Sequence[int]) -> None:
        """Of further rows."""
        runs = [(lines[0], len(lines))] if isinstance(lines, range) and lines else [(each, 1) for each in lines]
        for first, count in runs:
            if not self._count or first != self._lines[-1] + self._count - self._rows[-1]:
                self._rows.append(self._count)
                self._lines.append(first)
            self._count += count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[row] for row in range(self._count)[index]]
        row = range(self._count)[index]
        run = bisect_right(self._rows, row) - 1
        return self._lines[run] + row - self._rows[run]


class _Numbers:
    """An array that grows."""

    def __init__(self) -> None:
        import numpy as np

        self._array, self._count = np.empty(0, np.float32), 0

    def add(self, values: "NDArray[np.floating[Any]]", expected: int) -> None:
        """`expected` says how many there will be: room that is not written to is none yet."""
        import numpy as np

        end, kind = self._count + len(values), self._array.dtype
        with np.errstate(over="ignore"):
            is_exact = np.array_equal(values.astype(kind), values, equal_nan=True)
        if end > len(self._array) or not is_exact:
            size = len(self._array) if end <= len(self._array) else max(end + end // 8, min(expected, _TIMES * end))
            larger = _room(size, kind if is_exact else np.dtype(np.float64))
            larger[: self._count] = self._array[: self._count]
            self._array = larger
        self._array[self._count : end] = values
        self._count = end

    def array(self) -> "NDArray[np.floating[Any]]":
        return self._array[: self._count]


def _room(count: int, kind: "np.dtype[Any]") -> "NDArray[Any]":
    """An array that takes what is written to it, and gives all of that back when it is no longer needed."""
    import numpy as np

    size = count * kind.itemsize
    return np.empty(count, kind) if size < _MAPPED else np.frombuffer(mmap(-1, size, access=ACCESS_COPY), kind)


def _is_array(part: object) -> TypeGuard["NDArray[np.floating[Any]]"]:
    import numpy as np

    return isinstance(part, np.ndarray)


def _values(part: "Part | NDArray[np.floating[Any]]") -> "NDArray[np.floating[Any]] | None":
    if _is_array(part):
        return part
    return numbers.of_texts(texts_of(part) if is_encoded(part) else part)


def _bytes(part: Part) -> int:
    return sum(_TEXT + len(text) for text in part) if isinstance(part, list) else part.nbytes


def taken(path: Path, names: Sequence[str], wanted: Collection[str] | None) -> dict[str, int]:
    """{name: position} of the columns to read. Raises DataError for a wanted one whose name stands twice."""
    repeated = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if refused := [name for name in repeated if wanted is not None and name in wanted]:
        raise DataError(f"{shown(path)}: several columns are named {listed(refused)}. Rename all but one.")
    return {
        name: index
        for index, name in enumerate(names)
        if (name in wanted if wanted is not None else name and name not in repeated)
    }
