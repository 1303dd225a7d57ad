"""Texts as ids of their words, of which a network looks up rows in a table.

text ─► words ─► ids, int64 [N, L] ─► Cast ─► the network, which begins with a table of `size` rows

Id 0 is padding, 1 a word that is not known, and those from 2 on are words: hashed into buckets (Weinberger et al. 2009,
"Feature Hashing for Large Scale Multitask Learning"), or the most frequent ones of the training split. A source gives
`words.codes`, which are the same in every corpus; by these a text is known again, whatever the ids. Float32 holds ids
up to 2²⁴ exactly.
"""

import hashlib
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from compression_ops.data.file_names import listed
from compression_ops.data.modalities import stability
from compression_ops.data.modalities.modality import Modality, Read
from compression_ops.data.storage import blocks, mapped
from compression_ops.data.texts import words
from compression_ops.data.texts.words import FIRST, PADDING, UNKNOWN
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto
    from torch import Tensor

    from compression_ops.data.dataset import Description

_SHOWN = 24  # words of a text that stand for it
# By its name, so that no model is made of the code that reads files.
_READER = "compression_ops.data.texts.unlabelled"


@dataclass(frozen=True)
class Tokens(Modality):
    """coding  `hashed` into buckets; `words` of a vocabulary; `ids` that the data state themselves
    size    how many ids there are, with padding and the unknown word: one more than the largest
    words   those that have an id of their own, from 2 on; before `fitted` all of the corpus, in any order
    """

    type: ClassVar[str] = "tokens"
    noun: ClassVar[str] = "texts"
    dtype: ClassVar[str] = "int64"
    axes: ClassVar[str] = "[N, L]"
    dimensions: ClassVar[int] = 2
    input_name: ClassVar[str] = "tokens"
    raw: ClassVar[str] = "ids of the words of a text, 0 after its end, 1 for a word that is not known"
    normalized: ClassVar[str] = "the ids of the words of a text as numbers"
    how: ClassVar[str] = (
        f"Of a text: {words.HOW}. Its id stands in compression.modality: 2 + its place in `words`; where `coding` is "
        "`hashed`, 2 + ((h >> 2) + 1) % (size - 2), h being BLAKE2b of 8 bytes, big-endian, of its UTF-8"
    )

    coding: Literal["hashed", "words", "ids"]
    size: int
    words: tuple[str, ...] = ()

    def require_sound(self, split: str, values: "NDArray[Any]") -> None:
        super().require_sound(split, values)
        for block in blocks.of(values):
            if int(block.min()) < 0 or (self.coding == "ids" and int(block.max()) >= self.size):
                raise DataError(
                    f"{split}: ids from {block.min()} to {block.max()}; allowed are 0 to {self.size - 1}. Correct them."
                )

    def digests(self, values: "NDArray[Any]") -> list[bytes]:
        """Of all up to the last word that is kept, as a source gives it: neither padding behind it nor the vocabulary
        moves a text, and of two lengths only texts that one of them cuts differ.
        """
        import numpy as np

        return [hashlib.sha256(np.trim_zeros(text, "b").tobytes()).digest() for text in values]

    def fitted(self, values: "NDArray[Any]", rows: "NDArray[np.int64]") -> Self:
        """With the `size` - 2 most frequent words of the training split; of equal ones the first by alphabet."""
        if self.coding != "words":
            return self
        counts = self._counts(values, rows)
        known = [word for word in self.words if words.code(word) in counts]
        known.sort(key=lambda word: (-counts[words.code(word)], word))
        kept = tuple(known[: self.size - FIRST])
        return replace(self, size=FIRST + len(kept), words=kept)

    def _counts(self, values: "NDArray[Any]", rows: "NDArray[np.int64]") -> dict[int, int]:
        import numpy as np

        counts: dict[int, int] = {}
        for block in blocks.slices(len(rows), values[:1].nbytes):
            for code, count in zip(*np.unique(values[rows[block]], return_counts=True), strict=True):
                counts[int(code)] = counts.get(int(code), 0) + int(count)
            mapped.used(values)
        return counts

    def encoded(self, block: "NDArray[Any]") -> "NDArray[np.int64]":
        """Codes as ids."""
        import numpy as np

        if self.coding == "ids":
            return block
        if self.coding == "hashed":
            return words.hashed(block, self.size - FIRST)
        codes = words.codes(self.words)
        if not len(codes):
            return np.where(block == PADDING, PADDING, UNKNOWN)
        order = np.argsort(codes)
        places = np.minimum(np.searchsorted(codes, block, sorter=order), len(codes) - 1)
        ids = np.where(codes[order[places]] == block, FIRST + order[places], UNKNOWN)
        return np.where(block == PADDING, PADDING, ids)

    def statistics(self, values: "NDArray[Any]", where: str) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """Neither means nor deviations: ids are no quantities. Raises DataError if all texts are equal."""
        if len(values) > 1 and all(bool((block == values[0]).all()) for block in blocks.of(values)):
            raise DataError(f"{where}: all texts have the same words; there is nothing to learn. Check the texts.")
        return (), (), []

    def described(self, shape: tuple[int, ...]) -> str:
        """`texts of 64 words, by 8,194 ids`."""
        return f"texts of {shape[0]} words, by {self.size:,} ids"

    def drift(self, previous: "NDArray[Any]", current: "NDArray[Any]", former: Modality) -> float:
        """Of how often words occur, in bins of equal shares of the previous texts, the most frequent words first.

        Words of two vocabularies are compared by name, others by the buckets that they have in common; where nothing
        is in common, all that occurs has changed.
        """
        import numpy as np

        assert isinstance(former, Tokens)
        before, after = _in_common(former, self)
        counts = [
            np.bincount(table, weights=_counted(values, len(table)), minlength=max(before.max(), after.max()) + 1)
            for table, values in ((before, previous), (after, current))
        ]
        order = np.argsort(-counts[0], kind="stable")
        return stability.of_values(*(np.round(each[order]).astype(np.int64) for each in counts))

    def unlike(self, other: Modality) -> str | None:
        assert isinstance(other, Tokens)
        if _places(other, self) is not None:
            return None
        return f"its ids stand for other words: {self._told()}, and the data set's are {other._told()}"

    def _told(self) -> str:
        return {"hashed": f"hashed into {self.size - FIRST:,} buckets", "ids": "given as they are"}.get(
            self.coding, f"of a vocabulary of {len(self.words):,} words"
        )

    def translated(self, values: "NDArray[Any]", to: Modality) -> "NDArray[Any]":
        assert isinstance(to, Tokens)
        places = _places(self, to)
        return values if places is None or self == to else places[values]

    def lost(self, model: Modality) -> str | None:
        assert isinstance(model, Tokens)
        if self.coding != "words" or self == model:
            return None
        if model.coding != "words":
            return (
                f"it knows every word, and the data set's vocabulary of {len(self.words):,} alone is kept of its texts"
            )
        known = set(self.words)
        gone = [word for word in model.words if word not in known]
        if not gone:
            return None
        return (
            f"the data set's vocabulary lacks {len(gone):,} of the {len(model.words):,} words it knows: {listed(gone)}"
        )

    def shown(self, value: "NDArray[Any]") -> str:
        """`the film ? good, …`, of a vocabulary: its first words, ? for one that is not known; else `ids 17, 4, …`."""
        ids = [each for each in value.reshape(-1).tolist() if each != PADDING]
        taken = ids[:_SHOWN]
        if self.coding == "words":
            told = " ".join("?" if each == UNKNOWN else self.words[each - FIRST] for each in taken)
        else:
            told = f"ids {', '.join(map(str, taken))}" if ids else ""
        return (told or "no words") + (", …" if len(ids) > _SHOWN else "")

    def read(self, file: Path, description: "Description") -> Sequence[Read]:
        """The one text that a file holds; its name is the file's path. Raises DataError as `unlabelled.read`, and for a
        text without words.
        """
        if self.coding == "ids":
            raise DataError(f"{file}: the data state ids without their words; run the model in onnxruntime on ids")
        found = words.of(importlib.import_module(_READER).read(file))
        if not found:
            raise DataError(f"{file}: a text without words. Give some of letters or digits.")
        return [Read(str(file), self.encoded(words.row(found, description.shape[0])))]

    def features(self, shape: tuple[int, ...]) -> int:
        return 0

    def arguments(self) -> Mapping[str, Any]:
        """`vocabulary`: how many rows a table needs."""
        return {"vocabulary": self.size}

    def indices(self) -> int:
        return self.size

    def normalize(self, values: "Tensor", description: "Description") -> "Tensor":
        """int64 or float32 [N, L] -> float32, the same numbers."""
        import torch

        return values.to(torch.float32)

    def normalize_array(self, values: "NDArray[Any]", description: "Description") -> "NDArray[np.float32]":
        """As `normalize`."""
        import numpy as np

        return values.astype(np.float32)

    def nodes(self, output: str, description: "Description", names: Iterator[str]) -> "list[NodeProto]":
        from onnx import TensorProto, helper

        return [helper.make_node("Cast", [self.input_name], [output], to=TensorProto.FLOAT)]


def _counted(values: "NDArray[Any]", size: int) -> "NDArray[np.int64]":
    """How often each id occurs, int64 [size], without padding."""
    import numpy as np

    counts = np.zeros(size, np.int64)
    for block in blocks.of(values):
        counts += np.bincount(block.reshape(-1), minlength=size)
        mapped.used(block)
    counts[PADDING] = 0
    return counts


def _places(of: Tokens, to: Tokens) -> "NDArray[np.int64] | None":
    """By each id of one modality that of another, int64 [size]; None where nobody can know it."""
    import numpy as np

    same = np.arange(of.size)
    if of == to:
        return same
    if of.coding == "ids" or to.coding == "ids":
        return np.where(same < to.size, same, UNKNOWN) if of.coding == to.coding else None
    if of.coding == "words":
        return np.concatenate([[PADDING, UNKNOWN], to.encoded(words.codes(of.words))]).astype(np.int64)
    if to.coding == "words" or (of.size - FIRST) % (to.size - FIRST):
        return None
    return np.where(same < FIRST, same, FIRST + (same - FIRST) % (to.size - FIRST))


def _in_common(before: Tokens, after: Tokens) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """By each id of both what it is counted as, so that what is the same in both has one number."""
    import numpy as np

    if before.coding == after.coding == "words":
        numbers = {word: FIRST + place for place, word in enumerate(dict.fromkeys([*before.words, *after.words]))}
        first, second = (np.array([PADDING, UNKNOWN, *map(numbers.__getitem__, m.words)]) for m in (before, after))
        return first, second
    if "ids" in (before.coding, after.coding):
        if before.coding == after.coding:
            return np.arange(before.size), np.arange(after.size)
        return np.arange(before.size), np.arange(after.size) + before.size
    buckets = [each.size - FIRST for each in (before, after) if each.coding == "hashed"]
    common = Tokens("hashed", FIRST + math.gcd(*buckets))
    places = [_places(each, common) for each in (before, after)]
    assert places[0] is not None
    assert places[1] is not None
    if common.size - FIRST < stability.BINS:
        return np.arange(before.size), np.arange(after.size) + before.size
    return places[0], places[1]
