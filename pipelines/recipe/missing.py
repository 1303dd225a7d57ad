"""Files and folders that a recipe names, and that are not on this machine, or hold something else than it says.

That is no mistake of the recipe by itself: who only reads results needs none of them. It is one where they are needed.
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from compression_ops import choices, implementations
from compression_ops.errors import CompressionError
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe

# What the path of a source is, where it is always that.
_KINDS = {"image_folder": "folder", **dict.fromkeys(("npz", "image_table", "csv", "parquet"), "file")}


def mistakes(recipe: Recipe, attributes: CommentedMap, folder: Path) -> list[Mistake]:
    """A mistake for each of them; paths are relative to the recipe's folder."""
    found = _of_data(recipe, attributes, folder)
    path = weights(recipe, folder)
    if path is not None and not path.is_file():
        found.append(_mistake(attributes, ("teacher", "weights"), "file", folder))
    return found


def _of_data(recipe: Recipe, attributes: CommentedMap, folder: Path) -> list[Mistake]:
    """Data without a path of the user's are looked for elsewhere."""
    if getattr(recipe.dataset, "path", None) is None:
        return []
    try:
        if choices.function(recipe.dataset, "locate")(located(recipe.dataset, folder), ()) is not None:
            return []
    except CompressionError as error:
        path, line, _, _ = locate(attributes, ("dataset", "path"))
        return [Mistake(line, path, "its source fails", str(error), "a path that the source can look for")]
    except (ValueError, OSError):  # text that no file can be named by
        pass
    table = (folder / Path(recipe.dataset.path).expanduser()).resolve()
    if getattr(recipe.dataset, "images", None) is not None and table.is_file():
        return [_mistake(attributes, ("dataset", "images"), "folder", table.parent)]
    if getattr(recipe.dataset, "test_path", None) is not None and table.is_file():
        return [_mistake(attributes, ("dataset", "test_path"), "file", table.parent)]
    kind = _KINDS.get(recipe.dataset.source, "file or folder")
    return [_mistake(attributes, ("dataset", "path"), kind, folder)]


def misread(recipe: Recipe, attributes: CommentedMap, folder: Path) -> list[Mistake]:
    """What a source sees of its data without reading pixels that is not as the recipe says: columns, arrays, files.

    A source that defines no `examine` looks at nothing; data that are not here are none of its mistakes.
    """
    if not hasattr(implementations.module_of(recipe.dataset), "examine"):
        return []
    spec = located(recipe.dataset, folder)
    try:
        root = choices.function(spec, "locate")(spec, ())
        if root is not None:
            choices.function(spec, "examine")(spec, root)
    except (CompressionError, OSError) as error:
        field, words = _field_and_words(recipe, str(error))
        path, line, _, _ = locate(attributes, ("dataset", field))
        return [Mistake(line, path, words, "", "")]
    return []


def _field_and_words(recipe: Recipe, words: str) -> tuple[str, str]:
    """The field that an error of a source is about, which it begins with if it is not the path, and the rest."""
    begin = re.match(r"dataset\.(\w+): ", words)
    if begin is None or begin[1] not in type(recipe.dataset).model_fields:
        return "path", words
    return begin[1], words[begin.end() :]


def _mistake(attributes: CommentedMap, location: tuple[str, ...], kind: str, folder: Path) -> Mistake:
    path, line, value, _ = locate(attributes, location)
    allowed = f"an existing {kind}, absolute or relative to {folder}"
    return Mistake(line, path, f"no such {kind}", shown(value), allowed)


def weights(recipe: Recipe, folder: Path) -> Path | None:
    """The file of the teacher's trained weights; None where it has none, or a library publishes them."""
    stated = recipe.teacher.weights
    return None if stated is None or recipe.teacher.is_published else (folder / Path(stated).expanduser()).resolve()


def located(dataset: Any, folder: Path) -> Any:
    """A data source's parameters with its `path`, if any, made absolute: it is relative to the recipe's folder."""
    stated = getattr(dataset, "path", None)
    if stated is None:
        return dataset
    return dataset.model_copy(update={"path": str((folder / Path(stated).expanduser()).resolve())})
