"""The entries of a table's columns while they are read and afterwards, in little more memory than they need.

A column of numbers is an array of these, in float32 where that loses nothing; any other is parts of text, whose
different entries stand once a part where they repeat.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, overload

from compression_ops.data.file_names import listed, shown
from compression_ops.data.storage import memory
from compression_ops.data.tables import numbers
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
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
_ROW = 64  # bytes in memory a row, while a column is looked at

# Texts; or an array of pyarrow, of text or of its different entries, none of which is null.
Part = Union[list[str], "pa.Array[Any]"]


class Entries(Sequence[str]):
    """Of one column, row by row.

    numbers  float32 or float64 [N], NaN where one is missing, of a column that was to be read as such, and is of these
             alone. Its text is read again from the file when somebody looks at it.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        values: "NDArray[np.floating[Any]] | None" = None,
        again: Callable[[], "Entries"] | None = None,
    ) -> None:
        self.numbers = values
        self._again = again
        self._set(parts)

    def _set(self, parts: Sequence[Part]) -> None:
        self._parts = list(parts)
        self._ends = [0]
        for part in parts:
            self._ends.append(self._ends[-1] + len(part))

    def _texts(self) -> list[Part]:
        if self._again is not None:
            self._set(self._again()._parts)
            self._again = None
        return self._parts

    def __len__(self) -> int:
        return self._ends[-1] if self.numbers is None else len(self.numbers)

    def __iter__(self) -> Iterator[str]:
        for part in self._texts():
            yield from _told(part)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return list(self)[index]
        row = range(len(self))[index]
        parts = self._texts()
        number = bisect_right(self._ends, row) - 1
        found = parts[number][row - self._ends[number]]
        return found if isinstance(found, str) else found.as_py()

    def encoded(self) -> "tuple[list[str], NDArray[np.int32]]":
        """The different entries, and of each row, int32 [N], which of them it has."""
        import numpy as np

        found = dict[str, int]()
        parts = self._texts()
        codes = np.empty(len(self), np.int32)
        for part, start, end in zip(parts, self._ends, self._ends[1:], strict=False):
            if isinstance(part, list) or not _is_encoded(part):
                codes[start:end] = [found.setdefault(text, len(found)) for text in _told(part)]
                continue
            indices = part.indices.to_numpy()
            texts, used = part.dictionary.to_pylist(), np.zeros(len(part.dictionary), bool)
            used[indices] = True
            own = [
                found.setdefault(text, len(found)) if is_used else 0 for text, is_used in zip(texts, used, strict=True)
            ]
            codes[start:end] = np.array(own, np.int32)[indices]
        return list(found), codes


class Column:
    """One column while it is read. is_lost: it was to be one of numbers, and must be read again as text."""

    def __init__(self, may_be_numbers: bool) -> None:
        self.is_lost = False
        self.rows = 0
        self._values = _Numbers() if may_be_numbers else None
        self._parts, self._pending, self._waiting = list[Part](), list[Part](), 0
        self._bytes = self._different = 0

    def add(self, part: "Part | NDArray[np.floating[Any]]") -> None:
        """More rows: numbers are added to a column that may be one of these, which it then was so far."""
        self.rows += len(part)
        if self.is_lost:
            return
        if self._values is not None:
            values = _values(part)
            if values is not None:
                self._values.add(values)
                return
            self.is_lost, self._values = len(part) < self.rows, None
            if self.is_lost:
                return
        self._pending.append(part)
        self._waiting += len(part)
        if self._waiting >= _PART:
            self._pack()

    def entries(self, again: Callable[[], Entries]) -> Entries:
        """All that was added; `again` reads its text once more."""
        if self._values is not None:
            return Entries((), self._values.array(), again)
        return Entries([*self._parts, *self._pending])

    def size(self, times: float) -> float:
        """Bytes in memory, when there are so many times the rows."""
        if self._values is not None:
            return _NUMBER * self.rows * times
        return times * (self._bytes + _NUMBER * self.rows + _TEXT * self._waiting / max(1, len(self._parts)))

    def different(self) -> int:
        """Entries of which hardly any repeats another."""
        return self._different

    def _pack(self) -> None:
        packed = _packed(self._pending)
        self._parts.append(packed)
        self._bytes += _bytes(packed)
        self._different += 0 if _is_encoded(packed) else len(packed)
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
        for column, part in zip(self._columns.values(), parts, strict=True):
            column.add(part)
        if len(self.places) * (len(parts) + 1) >= self._asked:
            self._asked = 2 * len(self.places) * (len(parts) + 1)
            self._require(max(1.0, self._size / max(1, done)))

    def _require(self, times: float) -> None:
        columns = self._columns.values()
        whole, there = (
            sum(column.size(share) for column in columns)
            + share
            * (_ROW * len(self.places) + _DIFFERENT * max((column.different() for column in columns), default=0))
            for share in (times, 1.0)
        )
        memory.require(shown(self._path), int(whole), FEWER, int(min(there, whole)))

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
        for first, count in (
            [(lines[0], len(lines))] if isinstance(lines, range) and lines else ((each, 1) for each in lines)
        ):
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

    def add(self, values: "NDArray[np.floating[Any]]") -> None:
        import numpy as np

        if self._array.dtype == np.float32 and values.dtype != np.float32:
            with np.errstate(over="ignore"):
                rounded = values.astype(np.float32)
            if np.array_equal(rounded, values, equal_nan=True):
                values = rounded
            else:
                self._array = self._array.astype(np.float64)
        end = self._count + len(values)
        if end > len(self._array):
            self._array.resize(end + end // 8, refcheck=False)
        self._array[self._count : end] = values
        self._count = end

    def array(self) -> "NDArray[np.floating[Any]]":
        self._array.resize(self._count, refcheck=False)
        return self._array


def _values(part: "Part | NDArray[np.floating[Any]]") -> "NDArray[np.floating[Any]] | None":
    import numpy as np

    if isinstance(part, np.ndarray):
        return part
    return numbers.of_texts(_told(part) if _is_encoded(part) else part)


def _told(part: Part) -> list[str]:
    """Each different entry of an encoded part is one string, however often it stands there."""
    if isinstance(part, list):
        return part
    if _is_encoded(part):
        texts = part.dictionary.to_pylist()
        return [texts[index] for index in part.indices.to_pylist()]
    return part.to_pylist()


def _is_encoded(part: "Part | pa.Array[Any]") -> bool:
    return not isinstance(part, list) and hasattr(part, "dictionary")


def _packed(parts: Sequence[Part]) -> Part:
    """Some parts as one: its different entries once, where that is less."""
    import pyarrow as pa

    if len(parts) == 1 and _is_encoded(parts[0]):
        return _narrow(parts[0])
    try:
        whole = pa.concat_arrays(
            [
                pa.array(_told(part), pa.string()) if isinstance(part, list) or _is_encoded(part) else part
                for part in parts
            ]
        )
    except (pa.ArrowException, UnicodeEncodeError, TypeError):  # more than 2 GB, or what is no text elsewhere
        return [text for part in parts for text in _told(part)]
    encoded = whole.dictionary_encode()
    return _narrow(encoded) if 2 * len(encoded.dictionary) <= len(whole) else whole


def _narrow(encoded: "pa.Array[Any]") -> "pa.Array[Any]":
    import pyarrow as pa

    count = len(encoded.dictionary)
    kind = pa.int8() if count < 1 << 7 else pa.int16() if count < 1 << 15 else pa.int32()
    return pa.DictionaryArray.from_arrays(encoded.indices.cast(kind), encoded.dictionary)


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
