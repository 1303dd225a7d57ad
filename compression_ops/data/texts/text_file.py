"""A text in a file of its own, or part of one: bytes of a stated encoding."""

import codecs
import io
from pathlib import Path
from typing import IO, Annotated

from pydantic import AfterValidator, WithJsonSchema

from compression_ops.data.file_names import shown
from compression_ops.data.storage import memory
from compression_ops.errors import DataError

_SUFFIXES = (".txt", ".text", ".md", ".rst")
_BLOCK = 1 << 24  # bytes
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def _known(value: str) -> str:
    try:
        codec = codecs.lookup(value)
    except LookupError as error:
        raise ValueError(f"unknown encoding {value!r}") from error
    if not codec._is_text_encoding:
        raise ValueError(f"{value!r} is no encoding of text")
    try:
        codec.decode(b"")  # b"".decode asks no codec
    except UnicodeError as error:
        raise ValueError(f"{value!r} is no encoding of text: it decodes nothing") from error
    return value


Encoding = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "allowed": "an encoding that Python knows, as `utf-8`, `cp1252` or `utf-16`"}),
]


def is_named_like_one(name: str) -> bool:
    """Whether a file of this name should be a text."""
    return name.lower().endswith(_SUFFIXES)


def read(file: Path, encoding: str = "utf-8") -> str:
    """The text of a file. Raises DataError, with the place of the first byte that is none of the encoding."""
    return decoded(content(file), encoding, shown(file))


def content(file: Path) -> bytes:
    """All of a file. Raises DataError where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror}). Correct its name or its rights.") from error


def stream(file: Path, encoding: str) -> IO[str]:
    """As `read`, of which no more is in memory than is read at once; with the mark, and its lines as they end."""
    try:
        decoder, place = codecs.getincrementaldecoder(encoding)(), 0
        with file.open("rb") as raw:
            block = raw.read(_BLOCK)
            while block:
                following = raw.read(_BLOCK)
                decoder.decode(block, not following)
                _refuse_others(block, encoding, shown(file), place)
                place, block = place + len(block), following
    except (LookupError, UnicodeError):  # of a codec that takes all at once, and for the words
        memory.require(shown(file), 2 * file.stat().st_size)
        return io.StringIO(decoded(file.read_bytes(), encoding, shown(file)), newline="")
    return file.open(encoding=encoding, newline="")


def decoded(raw: bytes, encoding: str, where: str, cure: str | None = None) -> str:
    """The text of bytes, without a byte order mark. Raises DataError, which begins with `where`, as `read` does.

    cure  of other encodings, where none can be stated
    """
    _refuse_others(raw, encoding, where)
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1]
        letter = shown(byte.decode("cp1252", "backslashreplace"))
        raise DataError(
            f"{where}: the byte 0x{byte.hex().upper() or '(end)'} at position {error.start:,} is no {encoding} (in "
            f"Windows-1252 it is {letter}). {cure or 'State its encoding, as encoding: cp1252, or save it in UTF-8.'}"
        ) from error
    except UnicodeError as error:  # of codecs that name no byte, as idna
        raise DataError(
            f"{where}: cannot be read as {encoding}: {shown(error)}. {cure or 'State its encoding.'}"
        ) from error


def _refuse_others(raw: bytes, encoding: str, where: str, start: int = 0) -> None:
    """Raises DataError for bytes, of a file from byte `start` on, that are of UTF-16 or of no text."""
    if "16" not in encoding and "32" not in encoding:
        marked = next((name for mark, name in MARKS.items() if not start and raw.startswith(mark)), None)
        if marked:
            raise DataError(
                f"{where}: begins as {marked.upper()} does, and is read as {encoding}. State encoding: {marked}"
            )
        if b"\0" in raw:
            place = start + raw.index(b"\0")
            raise DataError(f"{where}: the byte 0x00 at position {place:,} is in no text: a binary file. Remove it.")
