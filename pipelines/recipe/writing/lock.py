"""One edit of a recipe at a time, whatever number of processes edit it."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Wait until no other process holds a recipe's folder, and hold it; the folder itself, so that no file is left."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
