"""Files as arrays: mapped into memory, so the system reads what is used and may forget it at any time.

What was read of a mapped file counts as the process's memory until the system needs it or the process gives it back. So
whoever walks over such an array says of each batch that it was `used`; beyond a window of 256 MiB all is given back. A
batch that is read again afterwards comes from the system's cache of the file.
"""

import mmap
import threading
import weakref
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 256 * 2**20
# Linux maps up to so many bytes around each place that is read: the whole of a large page of its cache.
_AROUND = 2 * 2**20


class Batch(Protocol):
    """An array of NumPy or a tensor of torch."""

    @property
    def nbytes(self) -> int: ...

    def __len__(self) -> int: ...


class _Pages:
    """What may be resident of all mapped files, estimated from above."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files = weakref.WeakSet[mmap.mmap]()
        self._resident = 0

    def add(self, file: mmap.mmap) -> None:
        with self._lock:
            self._files.add(file)

    def used(self, count: int) -> None:
        with self._lock:
            self._resident += count
            if self._resident <= WINDOW:
                return
            self._resident = 0
            files = list(self._files)
        if sum(map(len, files)) > WINDOW and hasattr(mmap, "MADV_DONTNEED"):
            for file in files:
                file.madvise(mmap.MADV_DONTNEED)


_PAGES = _Pages()


def array(file: IO[bytes], dtype: "np.dtype[Any]", shape: Sequence[int], offset: int = 0) -> "NDArray[Any]":
    """What stands in an open file from byte `offset` on, as an array that is not to be written; C order.

    The file may be closed or removed afterwards, but not cut short. Raises ValueError if it is shorter than that.
    """
    import math

    import numpy as np

    count = math.prod(shape)
    if not count:
        return np.empty(shape, dtype)
    # Copy on write: torch takes no array that is read-only, and the file stays as it is whatever happens.
    mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    values = np.frombuffer(mapping, dtype, count, offset).reshape(shape)
    _PAGES.add(mapping)
    return values


def used(batch: Batch, scattered: bool = False) -> None:
    """Tell that the rows of a batch were read, and will not be soon again; of arrays in memory it may be told, too.

    `scattered`: they do not stand one after another in the file.
    """
    _PAGES.used(batch.nbytes + (len(batch) if scattered else 2) * _AROUND)
