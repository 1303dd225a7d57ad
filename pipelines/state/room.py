"""Whether a home can take what a run writes, asked before anything is computed."""

import os
import shlex
import shutil
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.state.home import Home
from pipelines.state.journal import journal

_LEAST = 64 << 20  # bytes; with less, the databases of Dagster and MLflow fail in the middle of a run
_GROWING = (".jsonl", ".lines", ".lock", ".db")  # files that are added to or locked; others are replaced
_OF_THE_JOURNAL = ("history", "running", "generations", "postponed", "processes", "searches")
_DEEP = {"history": 9, "store": 2}  # how many floors down, where that is not one


def require(home: Home) -> None:
    """Raise CompressionError if a folder of the home, or a file that grows, cannot be written, or if its disk is as
    good as full.
    """
    folder = _existing(home.root)
    for path in (folder, *_written(home)):
        if not os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK):
            raise CompressionError(_refused(path, folder))
    free = shutil.disk_usage(folder).free
    if free < _LEAST:
        raise CompressionError(
            f"the disk of {folder} has {free / 1e6:.1f} MB free, and a run needs at least {_LEAST / 1e6:.0f}\n"
            "  free some space (`compression gc` removes old results), or set COMPRESSION_HOME to another disk"
        )


def _refused(path: Path, folder: Path) -> str:
    what = f"the {'folder' if path.is_dir() else 'file'} {path} cannot be written"
    with suppress(KeyError, OSError):
        if path.stat().st_uid != os.getuid():
            what += f": it belongs to {path.owner()}"
    if path == folder:
        return f"{what}, and results are kept there\n  make it writable, or set COMPRESSION_HOME to another folder"
    return (
        f"{what}, and a run writes there\n  give whoever runs this all of the home, as by "
        f"`sudo chown -R {os.getuid()} {shlex.quote(str(folder))}`, or set COMPRESSION_HOME to another folder"
    )


def _written(home: Home) -> Generator[Path]:
    """What is there of the folders in which a run makes files, and of the files that it adds to or locks."""
    rooms = [home.root] if home.root.is_dir() else []
    rooms += [home.dagster] if home.dagster_in_use == home.dagster else []
    rooms += [home.mlflow] if home.owns_mlflow else []
    rooms += [Path(home.store_url)] if home.store_url == str(home.root / "store") else []
    rooms += [] if journal.is_shared() else [home.root / name for name in _OF_THE_JOURNAL]
    for room in rooms:
        for place, folders, files in os.walk(room):
            folder = Path(place)
            yield folder
            yield from (folder / name for name in files if Path(name).suffix in _GROWING)
            depth = 0 if room == home.root else _DEEP.get(room.name, 1)
            is_deep = len(folder.relative_to(room).parts) >= depth
            folders[:] = [] if is_deep else [name for name in folders if not name.startswith((".", "stage-"))]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there already."""
    return next(place for place in (folder, *folder.parents) if place.exists())
