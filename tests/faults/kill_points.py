"""Ends a process at the n-th step that a write takes on the file system, as a kill or a loss of power would.

A step is whatever changes what another process can see: a file opened to be written, bytes written to it (of which half
arrive), a flush, a rename, a link, a folder made, anything removed. No `finally` and no handler runs after it.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

_KILLED = 137
_CHANGES = frozenset({"os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"})
_MOST = 500  # steps: no write of a small file takes as many


def kills(write: Callable[[], object]) -> Iterator[int]:
    """Do a write in a child that dies at its first step, then in one that dies at its second, until one completes.

    Yields the number of each step that a child died at, so that whoever asks can look at what it left behind.
    """
    for step in range(1, _MOST):
        if not _dies_at(step, write):
            return
        yield step
    raise AssertionError(f"the write did not end in {_MOST} steps")


def _dies_at(step: int, write: Callable[[], object]) -> bool:
    """Whether a child that does a write died at so many steps; False if it was done before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _die_at(step)
            write()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, _KILLED), "the write failed by itself: its traceback stands above"
    return code == _KILLED


def _die_at(step: int) -> None:
    """From now on, in this process, which cannot be undone."""
    left = [step]

    def count() -> bool:
        left[0] -= 1
        return left[0] == 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        is_written = event == "open" and bool(int(arguments[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if (event in _CHANGES or is_written) and count():
            _die()

    write, fsync = os.write, os.fsync

    def half(descriptor: int, data: bytes) -> int:
        if count():
            write(descriptor, data[: len(data) // 2])
            _die()
        return write(descriptor, data)

    def flush(descriptor: int) -> None:
        if count():
            _die()
        fsync(descriptor)

    def whole(path: Path, data: bytes) -> int:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            return half(descriptor, data)
        finally:
            os.close(descriptor)

    def text(path: Path, data: str, encoding: str = "utf-8") -> int:
        return whole(path, data.encode(encoding))

    os.write, os.fsync = half, flush
    Path.write_bytes, Path.write_text = whole, text  # type: ignore[assignment, method-assign]
    sys.addaudithook(look)


def _die() -> NoReturn:
    os._exit(_KILLED)
