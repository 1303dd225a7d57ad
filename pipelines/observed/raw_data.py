"""The raw data of a recipe: found, downloaded if need be, and digested file by file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compression_ops import implementations
from compression_ops.choices import function
from compression_ops.errors import DataError
from compression_ops.progress import ProgressCallback, silent
from pipelines.graph import digests
from pipelines.observed.files import ObservedFiles
from pipelines.observed.known_digests import KnownDigests
from pipelines.recipe import file, missing
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
    """As `locate`, but downloads what is missing. Raises RecipeError for a path where
    nothing is, DataError that names the cures if a download fails."""
    root = locate(recipe_file, home)
    if root is not None:
        return root
    file.require_files(recipe_file)
    spec = _spec(recipe_file)
    if not hasattr(implementations.module_of(spec), "download"):
        raise DataError(f"the raw data of recipe {recipe_file.name!r} are not there: {spec}")
    return function(spec, "download")(spec, home.data, progress)


def digest(recipe_file: RecipeFile, home: Home, root: Path) -> str:
    """The digest of the raw files: of each one's name, relative to the root, and its bytes.

    A known file is not read again (see `known_digests`). Raises CompressionError if a source of the user's own fails.
    """
    spec = _spec(recipe_file)
    files = function(spec, "files")(spec, root)
    base = root if root.is_dir() else root.parent
    if not isinstance(files, list) or not all(isinstance(path, Path) and path.is_relative_to(base) for path in files):
        raise _wrong(spec, "files", files, f"a list of pathlib.Path below {base}")
    known = KnownDigests(home)
    entries = [[path.relative_to(base).as_posix(), known.digest(path)] for path in files]
    known.save()
    return digests.of_value(entries)


def _spec(recipe_file: RecipeFile) -> Any:
    return missing.located(recipe_file.recipe.dataset, recipe_file.path.parent)


def _wrong(spec: Any, name: str, found: Any, needed: str) -> DataError:
    return DataError(f"{name} of {implementations.module_name(spec)} returned {str(found)[:80]!r}; needed is {needed}")


def stated(recipe_file: RecipeFile) -> Mapping[str, str]:
    """The source, and its path where it has one."""
    spec = recipe_file.recipe.dataset
    path = getattr(spec, "path", None)
    return {"source": spec.source} | ({"path": path} if path else {})


FILES = ObservedFiles("raw data", locate, obtain, digest, stated)
