"""The words of a text, and the numbers that stand for them."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PADDING, UNKNOWN, FIRST = 0, 1, 2
_MARKS = frozenset({"Mn", "Mc"})  # vowels of Hindi and Thai, and accents that no letter is composed with
_BYTES = 8
HOW = (
    "composed Unicode (NFC) in lower case, of which each longest run that begins with a letter, digit or underscore "
    "and goes on with these and combining marks (Mn, Mc) is a word"
)


def of(text: str) -> list[str]:
    """The words of a text, in order: lower-cased, in composed Unicode (NFC)."""
    composed = unicodedata.normalize("NFC", text.lower())
    if composed.isascii():
        return _word("").findall(composed)
    marks = sorted(letter for letter in set(composed) if unicodedata.category(letter) in _MARKS)
    return _word("".join(marks)).findall(composed)


@lru_cache(maxsize=2**10)
def _word(marks: str) -> "re.Pattern[str]":
    """Letters, digits and underscores of any script, as Unicode counts them, with these marks behind the first."""
    return re.compile(rf"\w[\w{re.escape(marks)}]*")


@lru_cache(maxsize=2**18)
def code(word: str) -> int:
    """The number of a word, the same in every corpus: the first 62 bits of BLAKE2b of 8 bytes of its UTF-8, and 1.

    Two words of a corpus of a million share one with a probability of 1e-7.
    """
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
    return (int.from_bytes(digest, "big") >> 2) + 1


def codes(words: Iterable[str]) -> "NDArray[np.int64]":
    """The number of each word, int64."""
    import numpy as np

    return np.array([code(word) for word in words], np.int64)


def row(words: list[str], length: int) -> "NDArray[np.int64]":
    """Codes of the first `length` words, int64 [length], padded with 0."""
    import numpy as np

    found = np.zeros(length, np.int64)
    taken = words[:length]
    found[: len(taken)] = codes(taken)
    return found


def hashed(codes: "NDArray[np.int64]", buckets: int) -> "NDArray[np.int64]":
    """Ids from 2 to `buckets` + 1 of codes of any shape; padding stays 0."""
    import numpy as np

    return np.where(codes == PADDING, PADDING, FIRST + codes % buckets)
