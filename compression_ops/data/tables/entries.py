"""The entries of a column of a table: an array of numbers, in float32 where that loses nothing; or parts of text, whose
different entries stand once a part where they repeat.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Union, overload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

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
            yield from texts_of(part)

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
        for part, start, end in zip(parts, self._ends[:-1], self._ends[1:], strict=True):
            if isinstance(part, list) or not is_encoded(part):
                codes[start:end] = [found.setdefault(text, len(found)) for text in texts_of(part)]
                continue
            indices = part.indices.to_numpy()
            texts, used = part.dictionary.to_pylist(), np.zeros(len(part.dictionary), bool)
            used[indices] = True
            own = [
                found.setdefault(text, len(found)) if is_used else 0 for text, is_used in zip(texts, used, strict=True)
            ]
            codes[start:end] = np.array(own, np.int32)[indices]
        return list(found), codes


def texts_of(part: Part) -> list[str]:
    """Each different entry of an encoded part is one string, however often it stands there."""
    if isinstance(part, list):
        return part
    if is_encoded(part):
        texts = part.dictionary.to_pylist()
        return [texts[index] for index in part.indices.to_pylist()]
    return part.to_pylist()


def is_encoded(part: "Part | pa.Array[Any]") -> bool:
    return not isinstance(part, list) and hasattr(part, "dictionary")


def packed(parts: Sequence[Part]) -> Part:
    """Some parts as one: its different entries once, where that is less."""
    import pyarrow as pa

    if len(parts) == 1 and is_encoded(parts[0]):
        return _narrow(parts[0])
    try:
        plain = [part if not isinstance(part, list) and not is_encoded(part) else texts_of(part) for part in parts]
        whole = pa.concat_arrays([pa.array(part, pa.string()) if isinstance(part, list) else part for part in plain])
    except (pa.ArrowException, UnicodeEncodeError, TypeError):  # more than 2 GB, or what is no text elsewhere
        return [text for part in parts for text in texts_of(part)]
    encoded = whole.dictionary_encode()
    return _narrow(encoded) if 2 * len(encoded.dictionary) <= len(whole) else whole


def _narrow(encoded: "pa.Array[Any]") -> "pa.Array[Any]":
    import pyarrow as pa

    count = len(encoded.dictionary)
    kind = pa.int8() if count < 1 << 7 else pa.int16() if count < 1 << 15 else pa.int32()
    return pa.DictionaryArray.from_arrays(encoded.indices.cast(kind), encoded.dictionary)
