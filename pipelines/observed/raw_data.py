"""The raw data of a recipe: found, downloaded if need be, and digested file by file."""

import json
from pathlib import Path
from typing import Any

from filelock import FileLock

from compression_ops import implementations
from compression_ops.choices import function
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback, silent
from pipelines.graph import digests
from pipelines.recipe import checks
from pipelines.recipe.file import RecipeFile
from pipelines.state.home import Home


def locate(recipe_file: RecipeFile, home: Home) -> Path | None:
    """The file or folder that holds the raw data; None if it is not on this machine.

    Raises CompressionError if a source of the user's own fails.
    """
    spec = _spec(recipe_file)
    found = function(spec, "locate")(spec, home.data_folders)
    if found is not None and not isinstance(found, Path):
        raise _wrong(spec, "locate", found, "a pathlib.Path or None")
    return found


def obtain(recipe_file: RecipeFile, home: Home, progress: ProgressCallback = silent) -> Path:
    """As `locate`, but downloads what is missing. Raises DataError that names the cures if that fails."""
    root = locate(recipe_file, home)
    if root is not None:
        return root
    spec = _spec(recipe_file)
    if not hasattr(implementations.module_of(spec), "download"):
        raise DataError(f"the raw data of recipe {recipe_file.name!r} are not there: {spec}")
    return function(spec, "download")(spec, home.data, progress)


def digest(recipe_file: RecipeFile, home: Home, root: Path) -> str:
    """The digest of the raw files: of each one's name, relative to the root, and its bytes.

    A file whose size and modification time are known is not read again. Raises CompressionError if a source of the
    user's own fails.
    """
    spec = _spec(recipe_file)
    files = function(spec, "files")(spec, root)
    base = root if root.is_dir() else root.parent
    if not isinstance(files, list) or not all(isinstance(path, Path) and path.is_relative_to(base) for path in files):
        raise _wrong(spec, "files", files, f"a list of pathlib.Path below {base}")
    known = _Known(home.root / "raw_digests.json")
    entries = [[path.relative_to(base).as_posix(), known.digest(path)] for path in files]
    known.save()
    return digests.of_value(entries)


def _spec(recipe_file: RecipeFile) -> Any:
    return checks.located(recipe_file.recipe.dataset, recipe_file.path.parent)


def _wrong(spec: Any, name: str, found: Any, needed: str) -> DataError:
    return DataError(f"{name} of {implementations.module_name(spec)} returned {str(found)[:80]!r}; needed is {needed}")


class _Known:
    """Digests of raw files by path, size and modification time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, list[Any]] = _read(path)
        self._fresh: dict[str, list[Any]] = {}

    def digest(self, path: Path) -> str:
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        entry = self._entries.get(str(path))
        if entry is None or entry[:2] != stamp:
            entry = [*stamp, digests.of_file(path)]
            self._fresh[str(path)] = entry
        return str(entry[2])

    def save(self) -> None:
        if not self._fresh:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"):
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(_read(self._path) | self._fresh))
            temporary.replace(self._path)


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
