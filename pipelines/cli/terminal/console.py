"""The terminal: results on stdout, messages and errors on stderr, in characters that the stream's encoding has.

Nothing that is printed is read as markup: a style is a part of `Terminal.text`, and names are shown as they are.
"""

import io
import json
import sys
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from pipelines.cli.terminal import transliteration

_UNBOUNDED = 1_000_000  # columns: what reads a pipe or a file has no edge at which to fold


class Terminal(Console):
    """A console that shows strings as they are, and that is as wide as its content where it is no terminal."""

    _width: int | None  # rich's: COLUMNS, if that is set

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def readable(self, text: str) -> str:
        """`text` as this stream can show it."""
        return transliteration.readable(text, self.encoding)

    def text(self, *parts: str | tuple[str, str]) -> Text:
        """Readable text from strings and (string, style)."""
        styled = [(part, "") if isinstance(part, str) else part for part in parts]
        return Text.assemble(*((self.readable(words), style) for words, style in styled))

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Print sentences: broken between words on a terminal, so that no name is; one line each elsewhere."""
        self.print(self.text(*parts), soft_wrap=not self.is_terminal)

    def render_str(self, text: str, **options: Any) -> Text:
        """What rich calls for every string that it is given."""
        return super().render_str(self.readable(text), **options)

    @property
    def size(self) -> ConsoleDimensions:
        """The terminal's; of anything else what COLUMNS says, or no limit."""
        known = super().size
        is_bounded = self._width is not None or self.file.isatty()
        return known if is_bounded else ConsoleDimensions(_UNBOUNDED, known.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


out = Terminal()
err = Terminal(stderr=True)


def prepare() -> None:
    """Let everything that this process prints, libraries' words included, be transliterated instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=transliteration.HANDLER)


def print_json(value: Any) -> None:
    """A value as JSON, the only thing on stdout; what the encoding lacks is escaped, so that no value changes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    sys.stdout.write(text + "\n")


def fail(message: str) -> None:
    """An error in words, in the tone of a compiler."""
    err.print(err.text(("error", "bold red"), ": ", message), soft_wrap=True)


def warn(message: str) -> None:
    """What a user should know although nothing failed."""
    err.say(("warning", "bold yellow"), f": {message}")
