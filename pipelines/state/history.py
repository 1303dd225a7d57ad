"""What was materialized: one append-only file an asset, the newest entry last.

The newest entry is what downstream assets load and what `status` compares with the recipe; it is read from the file's
end, however long the file. The older ones say which artifacts a retention window still refers to. Which run of MLflow's
an entry got after it was written is told by `recorded`.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipelines.state import append_only
from pipelines.state.materialization import Materialization, from_json, to_json
from pipelines.state.recorded import Record, Recorded

RECORDED = "recorded.lines"  # the file of `recorded`
_BLOCK = 1 << 14  # bytes: an entry has some 5,000


class History:
    """The histories of all assets under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._recorded = Recorded(root / RECORDED)

    def append(self, entry: Materialization) -> None:
        """Add the newest entry of an asset, in one write that reaches the disk."""
        append_only.append(self._path(entry.recipe, entry.asset), json.dumps(to_json(entry)))

    def complete(self, run_id: str, record: Record) -> None:
        """Note which run of MLflow's the entries, and inputs of entries, have that were written with `run_id`."""
        self._recorded.add(run_id, record)

    def latest(self, recipe: str, asset: str) -> Materialization | None:
        """The newest entry of an asset, or None if it was never materialized."""
        found = self.latest_as_written(recipe, asset)
        return None if found is None else self._recorded.resolved(found)

    def latest_as_written(self, recipe: str, asset: str) -> Materialization | None:
        """As `latest`, with the ids that it was written with."""
        try:
            with self._path(recipe, asset).open("rb") as stream:
                return next((entry for line in _backwards(stream) if (entry := entry_of(line))), None)
        except FileNotFoundError:
            return None

    def of_asset(self, recipe: str, asset: str) -> Iterator[Materialization]:
        """Every entry of an asset, the newest last."""
        yield from map(self._recorded.resolved, self._read(self._path(recipe, asset)))

    def all(self) -> Iterator[Materialization]:
        """Every entry of every asset."""
        yield from map(self._recorded.resolved, self.as_written())

    def resolved(self, entry: Materialization) -> Materialization:
        """An entry as it was written, with the ids that it and its inputs have in MLflow now."""
        return self._recorded.resolved(entry)

    def as_written(self) -> Iterator[Materialization]:
        """Every entry of every asset, with the ids that it was written with."""
        for path in sorted(self._root.glob("**/*.jsonl")):
            yield from self._read(path)

    def _path(self, recipe: str, asset: str) -> Path:
        return self._root / recipe / f"{asset}.jsonl"

    def _read(self, path: Path) -> Iterator[Materialization]:
        if not path.exists():
            return
        with path.open("rb") as stream:
            yield from (entry for line in stream if (entry := entry_of(line)))


def entry_of(line: bytes) -> Materialization | None:
    """The entry of a line; None for one that a killed process left unfinished, or that was edited into no entry: then
    the one before it counts, and what it told of is a known action.
    """
    try:
        return from_json(json.loads(line))
    except (ValueError, RecursionError):
        return None


def _backwards(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    start, rest, block = stream.seek(0, os.SEEK_END), b"", _BLOCK
    while start > 0:
        size, block = min(block, start), 2 * block  # so that a long line is copied a few times only
        start -= size
        stream.seek(start)
        rest, *lines = (stream.read(size) + rest).split(b"\n")
        yield from reversed(lines)
    yield rest
