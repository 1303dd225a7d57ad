"""Ends a process at the n-th step that a write takes on the file system, as a kill does; or has the disk full there.

A step is whatever changes what another process can see: a file opened to be written, bytes written to it (of which half
arrive), a flush, a rename, a link, a folder made, anything removed. After a kill no `finally` and no handler runs.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_KILLED = 137
_DID_WITHOUT = 7
_MAKES = frozenset({"os.rename", "os.link", "os.symlink", "os.mkdir"})
_REMOVES = frozenset({"os.remove", "os.rmdir", "os.truncate"})
_MOST = 500  # steps: no write of a small file takes as many


def kills(write: Callable[[], object]) -> Iterator[int]:
    """Do a write in a child that dies at its first step, then in one that dies at its second, until one completes.

    Yields the number of each step that a child died at, so that whoever asks can look at what it left behind.
    """
    for step in range(1, _MOST):
        code, words = _child(write, step, _die)
        if code == 0:
            return
        assert code == _KILLED, f"the write failed by itself: {words}"
        yield step
    raise AssertionError(f"the write did not end in {_MOST} steps")


def refusals(write: Callable[[], object]) -> Iterator[str]:
    """As `kills`, but at the step the disk is full, of those that need room; yields `Class: words` of what is raised,
    nothing where the write can do without that step.
    """
    for step in range(1, _MOST):
        code, words = _child(write, step, _refuse)
        if code == 0:
            return
        yield "" if code == _DID_WITHOUT else words
    raise AssertionError(f"the write did not end in {_MOST} steps")


def _child(write: Callable[[], object], step: int, fault: Callable[[], None]) -> tuple[int, str]:
    """The exit code of a child that does a write with a fault at a step, and what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code, say = 1, os.write
        try:
            left = _at(step, fault, with_removals=fault is _die)
            write()
            code = 0 if left[0] > 0 else _DID_WITHOUT
        finally:
            error = sys.exc_info()[1]
            say(writer, f"{type(error).__name__}: {error}".encode())
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as stream:
        words = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), words


def _at(step: int, fault: Callable[[], None], with_removals: bool) -> list[int]:
    """From now on, in this process, which cannot be undone; returns how many steps are left, which counts on."""
    left = [step]
    changes = _MAKES | _REMOVES if with_removals else _MAKES

    def is_now() -> bool:
        left[0] -= 1
        return left[0] == 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        is_written = event == "open" and bool(int(arguments[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if (event in changes or is_written) and is_now():
            fault()

    write, fsync = os.write, os.fsync

    def half(descriptor: int, data: bytes) -> int:
        if is_now():
            write(descriptor, data[: len(data) // 2])
            fault()
        return write(descriptor, data)

    def flush(descriptor: int) -> None:
        if is_now():
            fault()
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
    return left


def _refuse() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _die() -> None:
    os._exit(_KILLED)
