"""The raw data of a recipe: found, downloaded if need be, and digested file by file."""

import json
from pathlib import Path
from typing import Any

from filelock import FileLock

from compression_ops import implementations
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback, silent
from pipelines.graph import digests
from pipelines.recipe import checks
from pipelines.recipe.file import RecipeFile
from pipelines.state.home import Home


def locate(recipe_file: RecipeFile, home: Home) -> Path | None:
    """The file or folder that holds the raw data; None if it is not on this machine."""
    source, spec = _source(recipe_file)
    return source.locate(spec, home.data_folders)


def obtain(recipe_file: RecipeFile, home: Home, progress: ProgressCallback = silent) -> Path:
    """As `locate`, but downloads what is missing. Raises DataError that names the cures if that fails."""
    root = locate(recipe_file, home)
    if root is not None:
        return root
    source, spec = _source(recipe_file)
    if not hasattr(source, "download"):
        raise DataError(f"the raw data of recipe {recipe_file.name!r} are not there: {spec}")
    return source.download(spec, home.data, progress)


def digest(recipe_file: RecipeFile, home: Home, root: Path) -> str:
    """The digest of the raw files: of each one's name, relative to the root, and its bytes.

    A file whose size and modification time are known is not read again.
    """
    source, spec = _source(recipe_file)
    files: list[Path] = source.files(spec, root)
    base = root if root.is_dir() else root.parent
    known = _Known(home.root / "raw_digests.json")
    entries = [[path.relative_to(base).as_posix(), known.digest(path)] for path in files]
    known.save()
    return digests.of_value(entries)


def _source(recipe_file: RecipeFile) -> tuple[Any, Any]:
    spec: Any = checks.located(recipe_file.recipe.dataset, recipe_file.path.parent)
    return implementations.module_of(spec), spec


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
    """What is known; nothing, of what is damaged: it is found out again."""
    try:
        found: Any = json.loads(path.read_text())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return {name: entry for name, entry in found.items() if _is_entry(entry)} if isinstance(found, dict) else {}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and list(map(type, entry)) == [int, int, str]
