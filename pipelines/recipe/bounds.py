"""How large a recipe's file may be, and what YAML it may hold: whoever wrote it, reading it ends soon and runs nothing.

YAML lets a file of a few lines stand for a gigabyte (aliases of aliases), nest without end, and ask for objects of any
program (tags). Each is met where it is parsed, so none of it is ever built.
"""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
)
from ruamel.yaml.parser import Parser, RoundTripParser

LARGEST = 1 << 20  # bytes: ten thousand students, or the whole of a library's documentation as comments
DEEPEST = 32  # collections within collections; a recipe's own fields stand at eight at most
MOST = 100_000  # keys and values, where an alias counts as all that it stands for
_OF_YAML = "tag:yaml.org,2002:"
_TAGS = frozenset(f"{_OF_YAML}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "binary"))


class Unbounded(MarkedYAMLError):
    """YAML that no recipe needs, on a line, counted from 1; `allowed` says what one may hold."""

    def __init__(self, problem: str, allowed: str, at: Any) -> None:
        super().__init__(problem=problem, problem_mark=at)
        self.allowed = allowed
        self.line: int = at.line + 1


class TooLarge(ValueError):
    """A file of more bytes than any recipe has."""


def text_of(path: Path, errors: str = "strict") -> str:
    """The text of a file, with every line's end as \\n. Raises TooLarge, OSError, or, where `errors` is strict,
    UnicodeDecodeError.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise TooLarge(f"more than {LARGEST:,} bytes")
    return io.StringIO(content.decode("utf-8", errors), newline=None).read()


class _Bounds:
    """Counts what was parsed, and raises Unbounded at the first node that is too much."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str | None, int]] = []  # anchor, and how many nodes there were before
        self._sizes: dict[str, int] = {}  # nodes below an anchor

    def look(self, event: Any) -> None:
        if isinstance(event, AliasEvent):
            self._follow(event)
        elif isinstance(event, NodeEvent):
            self._refuse_tag(event)
            self._add(1, event)
            if isinstance(event, CollectionStartEvent):
                self._open.append((event.anchor, self._count - 1))
                if len(self._open) > DEEPEST:
                    found = f"nested more than {DEEPEST} deep"
                    raise Unbounded(found, f"maps and lists at most {DEEPEST} deep", event.start_mark)
            elif event.anchor is not None:
                self._sizes[event.anchor] = 1
        elif isinstance(event, CollectionEndEvent):
            anchor, before = self._open.pop()
            if anchor is not None:
                self._sizes[anchor] = self._count - before

    def _follow(self, event: Any) -> None:
        if any(anchor == event.anchor for anchor, _ in self._open):
            allowed = "an alias (*) of what stands before it and is complete"
            raise Unbounded(f"*{event.anchor} stands within itself", allowed, event.start_mark)
        self._add(self._sizes.get(event.anchor, 1), event)  # one without an anchor is told by whoever looks it up

    def _add(self, count: int, event: Any) -> None:
        self._count += count
        if self._count > MOST:
            allowed = f"at most {MOST:,} keys and values, where an alias (*) counts as all that it stands for"
            raise Unbounded(f"more than {MOST:,} keys and values", allowed, event.start_mark)

    def _refuse_tag(self, event: Any) -> None:
        tag = getattr(event, "tag", None)
        if tag is None or str(tag) in ("!", "?") or str(tag) in _TAGS:
            return
        allowed = "plain values, without a tag (!)"
        shown = str(tag).replace(_OF_YAML, "!!")[:60]
        raise Unbounded(f"the tag {shown} is not allowed", allowed, event.start_mark)


class _Bounded:
    """A parser that hands on only what is within bounds."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._bounds = _Bounds()

    def get_event(self) -> Any:
        event = super().get_event()  # type: ignore[misc]
        self._bounds.look(event)
        return event


class BoundedParser(_Bounded, Parser):
    """Of values."""


class BoundedRoundTripParser(_Bounded, RoundTripParser):
    """Of text whose comments and quotes are kept."""
