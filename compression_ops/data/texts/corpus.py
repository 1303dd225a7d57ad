"""The texts of a data set as codes of their words, and what was met on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from compression_ops.data.file_names import listed
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.storage import memory
from compression_ops.data.storage.spool import Spool
from compression_ops.data.texts import words
from compression_ops.data.texts.coding import Coding
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 1024  # texts
_LETTER_BYTES = 20  # that a letter takes while a text is words
_IDS = 2**20  # a table of more rows is no small model


class Text(NamedTuple):
    """name: by which a person finds it; group: which no split may part, or "" where there are none."""

    text: str
    label: int
    name: str
    group: str = ""


@dataclass
class Corpus:
    """Texts of one data set, split by split.

    coding   how they become ids
    where    what warnings and errors begin with
    classes  their names, in the order of the labels
    """

    coding: Coding
    where: str
    classes: Sequence[str]
    _words: dict[str, None] = field(default_factory=dict)
    _empty: list[str] = field(default_factory=list)
    _cut: list[str] = field(default_factory=list)
    _alike: dict[int, set[bytes]] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)
    _longest: int = 0

    def samples(self, texts: Iterable[Text], grouped: bool = False) -> Samples:
        """Codes int64 [N, length], labels, names, and groups where there are some. A text without words is left out.

        Raises DataError where no text has any.
        """
        import numpy as np

        spool, taken = Spool((self.coding.length,), "int64"), list[Text]()
        rows: list[NDArray[np.int64]] = []
        for text in texts:
            if (row := self._row(text)) is not None:
                rows.append(row)
                taken.append(text)
            if len(rows) == _BLOCK:
                spool.append(np.stack(rows))
                rows.clear()
        if not taken:
            raise DataError(f"{self.where}: no text has a word of letters or digits. Give texts, a class a folder.")
        if rows:
            spool.append(np.stack(rows))
        groups = np.array([text.group for text in taken], np.str_) if grouped else None
        labels, names = np.array([text.label for text in taken], np.int64), [text.name for text in taken]
        return Samples(spool.rows(), labels, groups, np.array(names, np.str_))

    def _row(self, text: Text) -> "NDArray[np.int64] | None":
        memory.require(f"{self.where}: {text.name}", _LETTER_BYTES * len(text.text))
        found, length = words.of(text.text), self.coding.length
        if not found:
            self._empty.append(text.name)
            return None
        self._longest = max(self._longest, len(found))
        if len(found) > length:
            self._cut.append(text.name)
        if self.coding.vocabulary is not None:
            self._words.update(dict.fromkeys(found[:length]))
        row = words.row(found, length)
        self._counts[text.label] = self._counts.get(text.label, 0) + 1
        alike = self._alike.setdefault(text.label, set())
        if len(alike) < 2:  # more tell nothing
            alike.add(row.tobytes())
        return row

    def raw(self, train: Samples, test: Samples | HoldOut, warnings: Iterable[str] = ()) -> RawData:
        """All of it, after the splits were read."""
        modality = self.coding.modality(tuple(sorted(self._words)))
        return RawData(train, test, tuple(self.classes), (*warnings, *self.warnings()), modality)

    def warnings(self) -> list[str]:
        """What was changed or left out, counted and named, and what is odd."""
        told = self.changes()
        for label, alike in sorted(self._alike.items()):
            if len(alike) == 1 and self._counts[label] > 1:
                count, name = f"{self._counts[label]:,}", self.classes[label]
                told.append(f"{self.where}: all {count} texts of class {name!r} have the same words. Check them.")
        return told

    def changes(self) -> list[str]:
        """Of these what needs no classes."""
        total, length = sum(self._counts.values()), self.coding.length
        told = list[str]()
        if self._empty:
            told.append(f"{len(self._empty):,} text(s) without a word were left out: {listed(self._empty)}.")
        if len(self._cut) == total:
            told.append(
                f"all {total:,} texts are longer than length, {length} words, and were cut; the longest has "
                f"{self._longest:,}. A larger `length` keeps more of them."
            )
        elif self._cut:
            told.append(
                f"{len(self._cut):,} of {total:,} texts are longer than length, {length} words, and were cut; the "
                f"longest has {self._longest:,}: {listed(self._cut)}."
            )
        if self.coding.vocabulary is not None and self.coding.vocabulary > len(self._words):
            told.append(
                f"vocabulary is {self.coding.vocabulary:,}, and the texts have {len(self._words):,} different words: "
                "every word of the training split has an id."
            )
        return [f"{self.where}: {words}" for words in told]

    def array(self, texts: "NDArray[np.str_]") -> "tuple[NDArray[np.int64], Tokens]":
        """Codes int64 [N, length] of strings [N], none of which can be left out, and what they are."""
        found = self.samples(Text(text, 0, f"number {number}") for number, text in enumerate(texts.tolist()))
        if self._empty:
            count = f"{len(self._empty):,} text(s) without a word"
            raise DataError(f"{self.where}: {count}, {listed(self._empty)}. Remove them and their labels.")
        return found.values, self.coding.modality(tuple(sorted(self._words)))


def of_array(
    array: "NDArray[np.generic]", where: str, warnings: list[str], stated: Mapping[str, int] | None = None
) -> "tuple[NDArray[np.int64], Tokens]":
    """What a NumPy archive holds of texts, as a source gives it: ids [N, L] as they are, or strings [N] by their words.

    stated  fields of a Coding, for strings alone

    Raises DataError, which begins with `where`, for any other array, for negative ids, for a text without words, and
    for fields that ids cannot have.
    """
    import numpy as np

    if array.dtype.kind in "iu" and array.ndim == 2 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= _IDS:
            allowed = f"allowed are 0 (padding) to {_IDS - 1:,}"
            raise DataError(f"{where}: ids from {low} to {high}; {allowed}. Correct them.")
        if stated:
            fields = ", ".join(f"dataset.{name}" for name in stated)
            raise DataError(f"{where}: ids of words, which are taken as they are; leave {fields} out, or give texts.")
        is_word = array != words.PADDING
        if count := int((is_word[:, 1:] & ~is_word[:, :-1]).any(axis=1).sum()):
            warnings.append(
                f"{where}: {count:,} of {len(array):,} texts have a 0 before another id, as those padded in front "
                "have; 0 stands behind a text's end. Pad them behind."
            )
        return np.ascontiguousarray(array, np.int64), Tokens("ids", max(high + 1, words.FIRST))
    if array.dtype.kind != "U" or array.ndim != 1:
        raise DataError(
            f"{where}: {array.dtype} {list(array.shape)}; allowed are ids of words, whole numbers [N, L], or texts, "
            "strings [N]. Convert it."
        )
    corpus = Corpus(Coding.model_validate(stated or {}), where, ())
    found = corpus.array(array.astype(np.str_, copy=False))
    warnings.extend(corpus.changes())
    return found
