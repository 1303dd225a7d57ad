"""Whether a home can take what a run writes, asked before anything is computed."""

import os
import shutil
from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.state.home import Home

_LEAST = 64 << 20  # bytes; with less, the databases of Dagster and MLflow fail in the middle of a run


def require(home: Home) -> None:
    """Raise CompressionError if the home's folder cannot be written, or if its disk is as good as full."""
    folder = _existing(home.root)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CompressionError(
            f"the folder {folder} cannot be written, and results are kept there\n"
            "  make it writable, or set COMPRESSION_HOME to another folder"
        )
    free = shutil.disk_usage(folder).free
    if free < _LEAST:
        raise CompressionError(
            f"the disk of {folder} has {free / 1e6:.1f} MB free, and a run needs at least {_LEAST / 1e6:.0f}\n"
            "  free some space (`compression gc` removes old results), or set COMPRESSION_HOME to another disk"
        )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there already."""
    return next(place for place in (folder, *folder.parents) if place.exists())
