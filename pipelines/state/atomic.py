"""Files and folders of this machine that are whole or absent, whenever a process is killed or the power fails.

What is begun has a hidden name; what a kill leaves of it is found by that name.
"""

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from compression_ops.data.storage import space


def write(path: Path, data: bytes) -> None:
    """Write a file at once, in place of the one that is there."""
    temporary = _hidden(path.parent)
    try:
        temporary.write_bytes(data)
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def take(folder: Path, target: Path, mark: str) -> None:
    """Make a folder's files those of `target` at once, unless it is there already: if it has the file `mark`.

    On one disk the files themselves are taken, not copied. Raises CompressionError if the disk is full.
    """
    temporary = _hidden(target.parent)
    try:
        with space.told(target.parent, sum(path.stat().st_size for path in folder.iterdir())):
            temporary.mkdir()
            for path in folder.iterdir():
                _link(path, temporary / path.name)
            for path in (*temporary.iterdir(), temporary):
                _flush(path)
            _rename(temporary, target, mark)
            _flush(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # it is there after an error alone, or if another was first


def _rename(temporary: Path, target: Path, mark: str) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not (target / mark).exists():  # a leftover
            remove(target)
            temporary.rename(target)


def remove(folder: Path) -> None:
    """Remove a folder at once. One that is not there was removed by another process."""
    temporary = _hidden(folder.parent)
    with suppress(FileNotFoundError):
        folder.rename(temporary)
        shutil.rmtree(temporary)


def _hidden(folder: Path) -> Path:
    return folder / f".{uuid.uuid4().hex}"


def _link(source: Path, target: Path) -> None:
    """A second name for a file, which costs nothing; or a copy where the disk is another, or knows no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
