"""NumPy archives larger than memory: the heads of the arrays first, small arrays whole, large ones block by block."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from compression_ops.data.storage import blocks, mapped, memory
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC, _HEAD = 8, 10_000  # bytes; NumPy's own limit of a head, which it looks at once all of it is read
# Rows of an array whose last axis varies slowest are gathered from all over it, so the fewer passes the better.
_GATHERED = 64 * 2**20
# What zipfile and numpy raise for bytes that are no archive of arrays: for encryption and rare packings too, and for a
# head that is no dictionary of Python.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    SyntaxError,
    tokenize.TokenError,
    TypeError,
)


@dataclass(frozen=True)
class Head:
    """What an array says of itself: its shape, type, and whether its first axis varies fastest (Fortran order);
    and how the archive calls it.
    """

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    fortran: bool
    member: str

    @property
    def nbytes(self) -> int:
        """Of all of it."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Of one row, which is all with one index on the first axis."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class Archive:
    """An open archive. Raises DataError wherever it is no whole NumPy archive, or one of pickled Python objects."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, heads: Mapping[str, Head]) -> None:
        self.heads = heads
        self._path, self._archive = path, archive

    def array(self, name: str) -> "NDArray[Any]":
        """One array, in memory. Raises DataError also where that lacks room for it, and for a copy of it."""
        import numpy as np

        memory.require(f"{self._path}: {name}", 2 * self.heads[name].nbytes)
        with _refused(self._path), self._archive.open(self.heads[name].member) as content:
            return np.lib.format.read_array(content, allow_pickle=False)

    @property
    def members(self) -> list[str]:
        """The names of all arrays in the file, in its order."""
        return [member.removesuffix(".npy") for member in self._archive.namelist()]

    def rows(self, name: str) -> "Iterator[NDArray[Any]]":
        """The rows of an array that has a first axis, in order, a block at a time: [n, *shape[1:]]."""
        head = self.heads[name]
        yield from self._gathered(head) if head.fortran and len(head.shape) > 1 else self._blocks(head)

    def _blocks(self, head: Head) -> "Iterator[NDArray[Any]]":
        import numpy as np

        with _refused(self._path):
            content = self._archive.open(head.member)
            _head(content, self._archive.getinfo(head.member))
        with content:
            for rows in blocks.slices(head.shape[0], head.row_bytes):
                with _refused(self._path):
                    block = _exactly(content, (rows.stop - rows.start) * head.row_bytes)
                yield np.frombuffer(block, head.dtype).reshape(-1, *head.shape[1:])
            with _refused(self._path):
                content.read(1)  # the end, where the checksum is compared

    def _gathered(self, head: Head) -> "Iterator[NDArray[Any]]":
        """In Fortran order the file holds the transposed array, row by row; it is unpacked first."""
        reverse = Head(head.shape[::-1], head.dtype, False, head.member)
        spool = Spool(reverse.shape[1:], head.dtype)
        for content in self._blocks(reverse):
            spool.append(content)
        whole = spool.rows().transpose()
        for block in blocks.of(whole, _GATHERED):
            yield block
            mapped.used(block)


@contextmanager
def opened(path: Path, names: frozenset[str]) -> Generator[Archive]:
    """An archive with those of the arrays `names` that it holds. Raises DataError as `Archive` says."""
    with _refused(path):
        file = zipfile.ZipFile(path)
    with file:
        with _refused(path):
            members = {member.removesuffix(".npy"): member for member in file.namelist()}
            heads = dict[str, Head]()
            for name in sorted(names & members.keys()):
                with file.open(members[name]) as content:
                    heads[name] = _head(content, file.getinfo(members[name]))
        yield Archive(path, file, heads)


def _head(content: IO[bytes], member: zipfile.ZipInfo) -> Head:
    """Read the head of an array, up to its first byte. Raises ValueError if it is none, or not of that length."""
    import numpy as np

    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is packed as NumPy packs none")
    version = np.lib.format.read_magic(content)
    if version == (2, 0) and (length := int.from_bytes(content.read(4), "little")) > _HEAD:
        raise ValueError(f"the head of {member.filename} has {length:,} bytes; allowed are {_HEAD:,}")
    content.seek(_MAGIC)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{member.filename} is written in version {version[0]}.{version[1]} of NumPy's format")
    readers = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = readers[version[0]](content)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")
    found, expected = member.file_size - content.tell(), math.prod(shape) * dtype.itemsize
    if found != expected or min(shape, default=0) < 0 or 0 in (*shape[1:], dtype.itemsize):
        raise ValueError(f"{member.filename} holds {found:,} bytes; expected {expected:,} for its shape {list(shape)}")
    return Head(shape, dtype, fortran, member.filename)


def _exactly(content: IO[bytes], count: int) -> bytes:
    block = content.read(count)
    if len(block) != count:
        raise EOFError("an array ends before its end")
    return block


@contextmanager
def _refused(path: Path) -> Generator[None]:
    try:
        yield
    except _DAMAGED as error:
        reason = (
            "an array of Python objects, such as images of differing shapes; only arrays of numbers are read"
            if "Object arrays" in str(error)
            else f"not a complete NumPy archive ({type(error).__name__}: {error})"
        )
        raise DataError(f"{path}: {reason}. Write it with numpy.savez from arrays of one shape each.") from error
