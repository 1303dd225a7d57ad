"""A journal in a folder of this machine, a file a name."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from compression_ops.errors import CompressionError
from pipelines.state import atomic, scratch
from pipelines.state.journal import append_only

_RUNNING, _HELD = "running", "held"
_BLOCK = 1 << 14  # bytes: an entry of a history has some 5,000


class Files:
    """Names are paths below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def within(self, room: str) -> "Files":
        """That of a folder below."""
        return Files(self._root / room)

    def append(self, name: str, line: str) -> None:
        """Add a line, in one write that reaches the disk."""
        with _told(self._root / name):
            append_only.append(self._root / name, line)

    def lines(self, name: str) -> Iterator[bytes]:
        """All lines of a file."""
        path = self._root / name
        if path.exists():
            with _told(path), path.open("rb") as stream:
                yield from stream

    def newest_first(self, name: str) -> Iterator[bytes]:
        """The lines of a file from its end, however long it is."""
        with suppress(FileNotFoundError), _told(self._root / name), (self._root / name).open("rb") as stream:
            yield from _backwards(stream)

    def stamp(self, name: str) -> tuple[int, int]:
        """Which file it is, and its bytes: a compacted one is another."""
        try:
            found = (self._root / name).stat()
            return found.st_ino, found.st_size
        except FileNotFoundError:
            return 0, 0

    def compact(self, name: str, kept: append_only.Kept) -> None:
        """By another file, which takes the place of the one that is there."""
        with suppress(FileNotFoundError):  # removed by another process
            append_only.compact(self._root / name, kept)

    def names(self) -> list[str]:
        """The paths of all files of lines, in order."""
        return [path.relative_to(self._root).as_posix() for path in sorted(self._root.glob("**/*.jsonl"))]

    def text(self, name: str) -> str | None:
        """What stands in a file."""
        try:
            return (self._root / name).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None

    def update(self, name: str, change: Callable[[str | None], str]) -> None:
        """Under a lock beside the file, which is replaced at once."""
        file = self._root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):
            former = self.text(name)
            text = change(former)
            if text != former:
                atomic.write(file, text.encode())

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def turn(self, key: str, wait: Callable[[], None]) -> Generator[None]:
        """By a lock of the system, which ends with its process."""
        with scratch.turn(self._root / _RUNNING, key, wait):
            yield

    @contextmanager
    def held(self, text: str) -> Generator[None]:
        """In a folder of `scratch`, which is nobody's once its process is gone."""
        with scratch.folder(self._root / _RUNNING) as folder:
            (folder / "begun").write_text(text)
            (folder / "begun").replace(folder / _HELD)
            yield

    def holding(self) -> list[str]:
        """Of the folders in use."""
        running, found = self._root / _RUNNING, list[str]()
        left = set(scratch.abandoned(running))
        for path in running.glob(f"stage-*/{_HELD}"):
            with suppress(FileNotFoundError):  # its process ends
                found += [] if path.parent in left else [path.read_text()]
        return found

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._root / name)


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Raise CompressionError where a folder has the place of a file, or a file that of a folder."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        above = [place for place in path.parents if place.exists() and not place.is_dir()]
        wrong = above[0] if above else path
        what = "a file, where a folder belongs" if above else "a folder, where a file belongs"
        raise CompressionError(
            f"{wrong} is {what}, of which results are known\n  restore it from a copy, or move it away: then what it "
            "told of is not known any more, and is found in the store or computed again"
        ) from error


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
