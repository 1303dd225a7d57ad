"""What was materialized: one append-only file an asset, the newest entry last.

The newest entry is what downstream assets load and what `status` compares with the recipe; it is read from the file's
end, however long the file. The older ones say which artifacts a retention window still refers to.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipelines.state.materialization import Materialization, from_json, to_json

_BLOCK = 1 << 14  # bytes: an entry has some 5,000


class History:
    """The histories of all assets under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def append(self, entry: Materialization) -> None:
        """Add the newest entry of an asset, in one write that reaches the disk."""
        path = self._path(entry.recipe, entry.asset)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(to_json(entry)) + "\n"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a process that was killed
            data = ("\n" * is_cut + line).encode()
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be appended to {path}: is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def latest(self, recipe: str, asset: str) -> Materialization | None:
        """The newest entry of an asset, or None if it was never materialized."""
        try:
            with self._path(recipe, asset).open("rb") as stream:
                return next((entry for line in _backwards(stream) if (entry := _entry(line))), None)
        except FileNotFoundError:
            return None

    def of_asset(self, recipe: str, asset: str) -> Iterator[Materialization]:
        """Every entry of an asset, the newest last."""
        yield from self._read(self._path(recipe, asset))

    def all(self) -> Iterator[Materialization]:
        """Every entry of every asset."""
        for path in sorted(self._root.glob("**/*.jsonl")):
            yield from self._read(path)

    def _path(self, recipe: str, asset: str) -> Path:
        return self._root / recipe / f"{asset}.jsonl"

    def _read(self, path: Path) -> Iterator[Materialization]:
        if not path.exists():
            return
        with path.open("rb") as stream:
            yield from (entry for line in stream if (entry := _entry(line)))


def _entry(line: bytes) -> Materialization | None:
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
