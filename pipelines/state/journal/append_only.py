"""A file of lines that only grows: whoever is killed while writing costs the line that it wrote, and no other."""

import os
from pathlib import Path


def append(path: Path, line: str) -> None:
    """Add a line, in one write that reaches the disk; the file and its folder are created if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a process that was killed
        data = ("\n" * is_cut + line + "\n").encode()
        written = os.write(descriptor, data)
        if written != len(data):
            raise OSError(f"only {written} of {len(data)} bytes could be appended to {path}: is the disk full?")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
