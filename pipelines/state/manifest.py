"""The manifest of an artifact, by which its files are verified."""

import json
from pathlib import Path
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.graph import digests

NAME = "manifest.json"


def fault(folder: Path, artifact_id: str) -> str | None:
    """What is wrong with an artifact's files, or None. Raises CompressionError if whoever asks may not read them."""
    try:
        if (found := missing(folder, artifact_id)) is not None:
            return found
        changed = (name for name, entry in _read(folder).items() if digests.of_file(folder / name) != entry["sha256"])
        return next((f"{name} was changed" for name in changed), None)
    except PermissionError as error:
        raise CompressionError(
            f"{error.filename} cannot be read: {error.strerror}\n"
            "  let whoever runs this read the artifacts, or set COMPRESSION_HOME to a folder of their own"
        ) from error


def missing(folder: Path, artifact_id: str) -> str | None:
    """What can be seen to be wrong with an artifact's files without reading them, or None."""
    try:
        described = _read(folder)
        is_changed = digests.of_value(described) != artifact_id
    except PermissionError:  # that of somebody else, and no worse for it
        raise
    except (OSError, ValueError, RecursionError) as error:
        return f"{NAME}: {error}"
    if is_changed:
        return f"{NAME} was changed"
    for name, entry in described.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != entry["bytes"]:
            return f"{name} was changed"
    return None


def _read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / NAME).read_text())
