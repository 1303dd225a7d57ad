"""What to tell where a disk is full."""

import errno
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from compression_ops.errors import CompressionError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def told(folder: Path, needed: int) -> Generator[None]:
    """Inside, so many bytes are written below a folder: where they find no room, CompressionError says so in words."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(folder).free
        raise CompressionError(
            f"{folder}: {error.strerror}: {needed / 1e6:,.0f} MB are to be written there, {free / 1e6:,.0f} MB are "
            "free. Make room (`compression gc` removes what is no longer needed), or set COMPRESSION_HOME to a folder "
            "on a larger disk."
        ) from error
