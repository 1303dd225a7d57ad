"""Images on their way from a source to the splits: appended to an unnamed file, then read as one array.

To which split an image belongs is decided by the bytes of all images of its class, so none can be placed before all
are read; and decoding twice costs more than writing once more.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.storage import mapped
from compression_ops.data.storage.space import told

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_folder: ContextVar[Path | None] = ContextVar("_folder", default=None)


@contextmanager
def within(folder: Path) -> Generator[None]:
    """Inside, spools lie on the disk of this folder; outside, on that of temporary files."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


class Spool:
    """Rows of one shape and type. The file has no name, so nothing is left of it whatever happens."""

    def __init__(self, shape: tuple[int, ...], dtype: "str | np.dtype[Any]" = "uint8", order: str = "C") -> None:
        """`shape` is that of one row."""
        self._shape, self._dtype = shape, dtype
        self._folder = _folder.get() or Path(tempfile.gettempdir())
        self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  it lives as long as the spool
        self._bytes = 0

    def append(self, rows: "NDArray[Any] | bytes") -> None:
        """Append rows [n, *shape] of the spool's type, or their bytes. Raises CompressionError if the disk is full."""
        content = memoryview(rows) if isinstance(rows, bytes) else rows.data
        with told(self._folder, self._bytes + content.nbytes):
            self._file.write(content)
        self._bytes += content.nbytes

    def rows(self) -> "NDArray[Any]":
        """All that was appended: [N, *shape], mapped (see compression_ops.data.storage.mapped)."""
        import math

        import numpy as np

        with told(self._folder, self._bytes):
            self._file.flush()
        dtype = np.dtype(self._dtype)
        count = self._bytes // (math.prod(self._shape) * dtype.itemsize) if self._bytes else 0
        return mapped.array(self._file, dtype, (count, *self._shape))
