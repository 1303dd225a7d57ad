"""Names of files and folders: as they are shown, and which of them are the same."""

import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_NAMED, _LISTED = 5, 20


def shown(name: Any) -> str:
    """A path, a name or a sentence as text that can be written anywhere.

    Bytes that are no UTF-8 and characters that cannot be printed stand as `\\xe9`, `\\n`.
    """
    text = os.fsencode(str(name)).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def placed(path: str, folders: Sequence[Path], is_there: Callable[[Path], bool]) -> Path | None:
    """Where a path of a recipe stands: as it is, or where relative also in each of `folders`; None if in none."""
    stated = Path(path).expanduser()
    return next((place for place in (stated, *(folder / stated for folder in folders)) if is_there(place)), None)


def is_utf8(name: str) -> bool:
    """Whether a name, as the file system gives it, is text. One that is not holds lone surrogates (PEP 383)."""
    return name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)


def text_of(name: str) -> str:
    """A folder's name as a class's: composed Unicode (NFC), whichever form the system that wrote it uses.

    A name that is no UTF-8 is read as Windows-1252, which holds what Western systems wrote before UTF-8.
    """
    raw = os.fsencode(name)
    text = name if is_utf8(name) else raw.decode("cp1252", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def key(name: str) -> str:
    """By which names are the same to a person, whatever their case, form and space around them."""
    return unicodedata.normalize("NFC", text_of(name).strip().casefold())


def listed(names: Sequence[Any]) -> str:
    """`a, b, c, d, e and 2 more`."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(shown, names[:_NAMED])) + more


def lines(sentences: Sequence[Any]) -> str:
    """A line each, of at most 20, then how many more there are; each begins with a new line."""
    more = [f"and {len(sentences) - _LISTED:,} more"] if len(sentences) > _LISTED else []
    return "".join(f"\n  {line}" for line in [*map(shown, sentences[:_LISTED]), *more])
