"""A file of lines that only grows: whoever is killed while writing costs the line that it wrote, and no other.

Now and then it is compacted: what is kept of it is written beside it and takes its place in one rename, while nobody
appends. Whoever reads meanwhile reads the former file to its end.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.state import atomic

# What a disk answers that knows no locks, as some of those on a network do: nothing is compacted there.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)

# Of the lines of a file, those that are kept.
Kept = Callable[[Sequence[bytes]], Sequence[bytes]]


def append(path: Path, line: str) -> None:
    """Add a line, in one write that reaches the disk; the file and its folder are created if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as (descriptor, _):
        size = os.fstat(descriptor).st_size
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a process that was killed
        data = ("\n" * is_cut + line + "\n").encode()
        written = os.write(descriptor, data)
        if written != len(data):
            raise OSError(f"only {written} of {len(data)} bytes could be appended to {path}: is the disk full?")
        os.fsync(descriptor)


def compact(path: Path, kept: Kept) -> None:
    """Keep these lines of a file and no others; a file of which none is kept is removed. On a disk without locks all
    stay.

    Raises OSError if the file is not there, or cannot be written.
    """
    with _alone(path, os.O_RDWR) as (_, is_locked):  # on NFS a file that is only read cannot be locked for one alone
        if not is_locked:
            return
        lines = path.read_bytes().splitlines(keepends=True)
        rest = kept(lines)
        if not rest:
            path.unlink()
        elif len(rest) < len(lines):
            atomic.write(path, b"".join(rest))


@contextmanager
def _alone(path: Path, flags: int) -> Generator[tuple[int, bool]]:
    """The file open, with no other writer; that which has the name once the lock is held, not one that it had before.
    And whether the disk knows locks.

    The system releases the lock with the process.
    """
    while True:
        descriptor = os.open(path, flags, 0o644)
        try:
            is_locked = _lock(descriptor)
            if _is(path, descriptor):
                yield descriptor, is_locked
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
