"""The trained weights that a recipe's teacher begins with: a file of the user's, or what a library publishes."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from compression_ops import implementations
from compression_ops.errors import ModelError
from compression_ops.progress import Progress, ProgressCallback, silent
from pipelines.graph import digests
from pipelines.observed.files import ObservedFiles
from pipelines.observed.known_digests import KnownDigests
from pipelines.recipe import file, missing
from pipelines.recipe.file import RecipeFile
from pipelines.state.home import Home


def locate(recipe_file: RecipeFile, home: Home) -> Path | None:
    """The file; None if it is not on this machine."""
    if recipe_file.recipe.teacher.is_published:
        found = _published(recipe_file, home)
    else:
        found = missing.weights(recipe_file.recipe, recipe_file.path.parent)
    return found if found is not None and found.is_file() else None


def obtain(recipe_file: RecipeFile, home: Home, progress: ProgressCallback = silent) -> Path:
    """As `locate`, but downloads what a library publishes, once.

    Raises RecipeError for a path where nothing is, ModelError that names the cures if a download fails.
    """
    found = locate(recipe_file, home)
    if found is None and recipe_file.recipe.teacher.is_published:
        found = _download(recipe_file, _published(recipe_file, home), progress)
    if found is None:
        file.require_files(recipe_file)
        raise ModelError(f"the teacher's weights of recipe {recipe_file.name!r} are not there")
    return found


def digest(recipe_file: RecipeFile, home: Home, path: Path) -> str:
    """Of the file's bytes, and of those that an ONNX file keeps beside it; not of where they lie."""
    known = KnownDigests(home)
    beside = path.with_name(f"{path.name}.data")
    found = [known.digest(part) for part in (path, beside) if part.is_file()]
    known.save()
    return digests.of_value(found)


def stated(recipe_file: RecipeFile) -> Mapping[str, str]:
    """The path, or the library."""
    return {"weights": str(recipe_file.recipe.teacher.weights)}


def _published(recipe_file: RecipeFile, home: Home) -> Path:
    library, _, name = recipe_file.recipe.teacher.architecture.partition(":")
    return home.root / "weights" / library.partition(".")[0] / f"{name}.safetensors"


def _download(recipe_file: RecipeFile, target: Path, progress: ProgressCallback) -> Path:
    from safetensors.torch import save_file

    architecture = recipe_file.recipe.teacher.architecture
    module, name = implementations.factory(architecture)
    progress(Progress(f"downloading the weights of {architecture}", 0, 1))
    try:
        weights = importlib.import_module(module).weights(name)
    except Exception as error:  # whatever a library raises without a network, or for a network without weights
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the published weights of {architecture} cannot be had: {cause}\n"
            "  try again with a network; or bring the file here by hand and name it as `teacher.weights`"
        ) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    save_file({key: value.clone().contiguous() for key, value in weights.items()}, partial)
    partial.replace(target)
    return target


FILES = ObservedFiles("teacher's weights", locate, obtain, digest, stated)
