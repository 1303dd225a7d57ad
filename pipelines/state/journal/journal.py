"""The state that all processes of a home share: histories, generations, decisions that wait, turns.

By default it lies in the home's folder, a file a name. With `COMPRESSION_STATE=postgresql+psycopg2://…` it is in a
database, which several machines share, each with a home of its own for the rest.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from compression_ops.errors import CompressionError
from pipelines.state.journal.append_only import Kept
from pipelines.state.journal.files import Files

SETTING = "COMPRESSION_STATE"
SCHEME = "postgresql+psycopg2"  # SQLAlchemy 2.1 takes another driver for `postgresql`, with which Dagster fails


class Journal(Protocol):
    """Lines and texts under names such as `digits/teacher.jsonl`. Whatever is written is there whole or not at all."""

    def within(self, room: str) -> "Journal":
        """The part of it whose names begin with `room/`."""
        ...

    def append(self, name: str, line: str) -> None:
        """Add a line, which is kept once this returns."""
        ...

    def lines(self, name: str) -> Iterator[bytes]:
        """All lines of a name, the oldest first; those that somebody cut or damaged among them."""
        ...

    def newest_first(self, name: str) -> Iterator[bytes]:
        """As `lines`, the newest first; what is not asked for is not read."""
        ...

    def stamp(self, name: str) -> tuple[int, int]:
        """Numbers that are others once lines were added or removed; (0, 0) if there are none."""
        ...

    def compact(self, name: str, kept: Kept) -> None:
        """Keep those of the lines that `kept` says, in their order, and what is added meanwhile."""
        ...

    def names(self) -> list[str]:
        """The names of all `.jsonl` that have lines, sorted."""
        ...

    def text(self, name: str) -> str | None:
        """The text of a name; None if there is none."""
        ...

    def update(self, name: str, change: Callable[[str | None], str]) -> None:
        """Put what `change` makes of a text in its place; nobody else changes it meanwhile."""
        ...

    def remove(self, name: str) -> None:
        """Remove a text, if it is there."""
        ...

    def turn(self, key: str, wait: Callable[[], None]) -> AbstractContextManager[None]:
        """One process at a time for a key; `wait` is called once where another is first. It ends with its process."""
        ...

    def held(self, text: str) -> AbstractContextManager[None]:
        """A text that is there during the block, and ends with its process."""
        ...

    def holding(self) -> list[str]:
        """The texts that processes hold now, be it on other machines. Those of dead ones are none."""
        ...

    def where(self, name: str) -> str:
        """Where a name is kept, for a reader."""
        ...


def is_shared() -> bool:
    """Whether the state is that of several homes."""
    return bool(os.environ.get(SETTING))


def opened(root: Path) -> Journal:
    """That of a home's folder: its own files, or the database that `COMPRESSION_STATE` names.

    Raises CompressionError if that is the address of no PostgreSQL database, or its packages are not installed.
    """
    address = os.environ.get(SETTING)
    if not address:
        return Files(root)
    if not address.startswith(f"{SCHEME}://"):
        found = address.partition("://")[0][:40] if "://" in address else "no scheme"  # not what may be a password
        raise CompressionError(
            f"{SETTING} names no PostgreSQL database: found {found!r}\n"
            f"  allowed: {SCHEME}://USER:PASSWORD@HOST:PORT/DATABASE, in which psycopg2 is the driver that Dagster "
            "works with; unset it to keep the state in the home's folder"
        )
    try:
        from pipelines.state.journal.postgres import Postgres

        return Postgres.at(address)
    except ModuleNotFoundError as error:
        raise CompressionError(
            f"{SETTING} names a database, and the package {error.name} is not installed\n"
            "  pip install 'compression-pipeline[servers]'"
        ) from error
