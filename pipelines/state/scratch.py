"""Folders that stages write to before the store takes what they wrote: on the store's disk, so nothing is copied; and
the turn of a process among those that compute the same.
"""

import shutil
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def folder(parent: Path) -> Generator[Path]:
    """An empty folder below `parent`, removed at the end; what killed processes left there is removed first.

    The lock beside a folder is held while it is in use, and the system releases it with its process.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    name = parent / f"stage-{uuid.uuid4().hex}"
    with FileLock(f"{name}.lock"):  # it comes before the folder, so none is there without
        try:
            name.mkdir()
            yield name
        finally:
            shutil.rmtree(name, ignore_errors=True)
            Path(f"{name}.lock").unlink(missing_ok=True)


@contextmanager
def turn(parent: Path, key: str, wait: Callable[[], None]) -> Generator[None]:
    """One process of this machine at a time for a key, a digest; `wait` is called once where another is first.

    The system releases the lock with its process. Lock files stay, as they must: 4,096 at most,
    so that now and then two keys have one turn.
    """
    parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(parent / f"turn-{key[:3]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def sweep(parent: Path) -> None:
    """Remove the folders below `parent` whose process is gone."""
    for path in parent.glob("stage-*"):
        if path.is_dir() and (lock := _free(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def abandoned(parent: Path) -> list[Path]:
    """The folders that `sweep` would remove."""
    found: list[Path] = []
    for path in sorted(parent.glob("stage-*")):
        if path.is_dir() and (lock := _free(path)) is not None:
            lock.release()
            found.append(path)
    return found


def _free(path: Path) -> FileLock | None:
    """The lock of a folder, acquired; None while another process holds it."""
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
