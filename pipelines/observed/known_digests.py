"""Digests of files that need not be read again: content decides wherever a stamp could lie.

A file is taken for the known one while its size, modification time, inode and change time are what they were. A copy
that keeps size and modification time (rsync, tar, a synchronized folder) has another inode or change time, which no
program can set. As in git, a file that changed within moments of being read is not trusted: a further change in the
same tick of the clock would leave no trace.
"""

import json
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipelines.graph import digests
from pipelines.state import atomic
from pipelines.state.home import Home

# The coarsest clock of usual file systems (FAT, some network ones) ticks every two seconds.
_TICK_NS = 2_000_000_000


class KnownDigests:
    """The digests that a home remembers, by path and stamp."""

    def __init__(self, home: Home) -> None:
        self._path = home.raw_digests
        self._entries: dict[str, list[Any]] = _read(self._path)
        self._fresh: dict[str, list[Any]] = {}

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's bytes. Raises OSError."""
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]
        entry = self._entries.get(str(path))
        if isinstance(entry, list) and entry[:-1] == stamp:
            return str(entry[-1])
        started = time.time_ns()
        found = digests.of_file(path)
        if max(status.st_mtime_ns, status.st_ctime_ns) < started - _TICK_NS:
            self._fresh[str(path)] = [*stamp, found]
        return found

    def save(self) -> None:
        """Keep what was read; a home that cannot be written to reads the files again next time."""
        if not self._fresh:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"):
            atomic.write(self._path, json.dumps(_read(self._path) | self._fresh).encode())


def forget(home: Home) -> None:
    """Read every file again when it is next asked for."""
    home.raw_digests.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
