"""Text for a stream whose encoding lacks some of its characters: each becomes ASCII that reads alike, never a `?`."""

import codecs
import re
import unicodedata

# Name of the codec error handler below; a stream opened with it can write any text.
HANDLER = "compression.readable"

_ALIKE = {
    "µ": "u", "μ": "u", "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": "x", "÷": "/", "·": ".", "•": "*",
    "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "±": "+/-", "∞": "inf",
    "‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "…": "...", "⁄": "/", "°": " deg ", "§": "section ",
    "✓": "ok", "✔": "ok", "✗": "x", "✘": "x", "●": "*", "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe",
    "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
}  # fmt: skip
_BOX, _BLOCKS = ("\u2500", "\u257f"), ("\u2580", "\u259f")
_RAW_BYTES = ("\udc80", "\udcff")  # how Python keeps bytes of a file name that are no text
# All but tab and newline: a file's name must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def readable(text: str, encoding: str) -> str:
    """`text` as a stream of this encoding can show it, control characters escaped; what it can show stays."""
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return text.encode(encoding, HANDLER).decode(encoding)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def _ascii(character: str) -> str:
    """ASCII that reads like one character; one without any becomes its code, as `\\u65e5`."""
    if character in _ALIKE:
        return _ALIKE[character]
    if _BOX[0] <= character <= _BOX[1]:
        return _line(unicodedata.name(character))
    if _BLOCKS[0] <= character <= _BLOCKS[1]:
        return "#"
    if _RAW_BYTES[0] <= character <= _RAW_BYTES[1]:
        return f"\\x{ord(character) - 0xDC00:02x}"
    parts = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    letters = "".join(_ALIKE.get(part, part) for part in parts)
    if letters.isascii() and letters:
        return letters
    return character.encode("ascii", "backslashreplace").decode("ascii")


def _line(name: str) -> str:
    """A piece of a box by its name in Unicode, as `BOX DRAWINGS LIGHT DOWN AND RIGHT`."""
    across = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    along = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    return "+" if across and along else "-" if across else "|"


codecs.register_error(HANDLER, _replacement)
