"""The version of a home: of a later one it is refused, of a former one it is migrated once, with a copy kept.

`version.json` holds the number of the format and the release that wrote it first. A home without it was written before
1.0.0, and has format 1. One whose file is damaged is refused: nobody knows what a later version made of it.
"""

import json
import logging
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from filelock import FileLock

from compression_ops.errors import CompressionError
from pipelines.state import atomic
from pipelines.state.home import Home
from pipelines.state.versions import migrations

FORMAT = 2
_FILE = "version.json"
_SHOWN = 200  # characters of somebody else's words
_FIRST = 1  # of homes without the file
_STATE = ("history", "dagster", "mlflow", "store")


def require(home: Home) -> None:
    """Let a home be used by this version: migrate it if a former one wrote it, and say so.

    One that can only be read is read as it is. Raises CompressionError if a later version wrote it, or its file is
    damaged.
    """
    if (found := _read(home)) == FORMAT:
        return
    if found is not None and found > FORMAT:
        raise CompressionError(
            f"the home {home.root} was written by a later version: its format is {found}, {_release()} knows {FORMAT}\n"
            "  install the later version again, or set COMPRESSION_HOME to another folder"
        )
    if any((home.root / name).exists() for name in _STATE):
        with suppress(OSError), FileLock(home.root / f"{_FILE}.lock"):
            _migrate(home)


def mark(home: Home) -> None:
    """Note in a new home, whose folder is there, which version wrote it."""
    if not (home.root / _FILE).exists() and not any((home.root / name).exists() for name in _STATE):
        _write(home)


def _migrate(home: Home) -> None:
    if _read(home) == FORMAT:  # another process was first
        return
    for sentence in migrations.run(home, _read(home) or _FIRST):
        logging.getLogger("compression").warning(sentence)
    _write(home)


def _write(home: Home) -> None:
    fields = {"format": FORMAT, "written_by": _release()}
    atomic.write(home.root / _FILE, (json.dumps(fields) + "\n").encode())


def _read(home: Home) -> int | None:
    """The format of a home; None if it has no file that says so.

    Raises CompressionError if there is one that says nothing: it may be a later version's.
    """
    file = home.root / _FILE
    try:
        fields: Any = json.loads(file.read_bytes())
        return int(fields["format"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CompressionError(
            f"{file} cannot be read: {type(error).__name__}: {str(error)[:_SHOWN]}\n"
            f'  allowed: {{"format": {FORMAT}}}; restore it from a backup, or write that if {_release()} made it, '
            "or remove the file if a version before 1.0.0 did"
        ) from error


def _release() -> str:
    try:
        return version("compression-pipeline")
    except PackageNotFoundError:  # sources that nobody installed
        return "this version"
