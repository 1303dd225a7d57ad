"""Files and folders that a recipe names, and that are not on this machine.

That is no mistake of the recipe by itself: who only reads results needs none of them. It is one where they are needed.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from compression_ops import implementations
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap, folder: Path) -> list[Mistake]:
    """A mistake for each of them; paths are relative to the recipe's folder."""
    stated = getattr(recipe.dataset, "path", None)
    if stated is None:
        return []
    source = implementations.module_of(recipe.dataset)
    try:
        if source.locate(located(recipe.dataset, folder), ()) is not None:
            return []
    except (ValueError, OSError):  # text that no file can be named by
        pass
    path, line, value, _ = locate(attributes, ("dataset", "path"))
    kind = "folder" if recipe.dataset.source == "image_folder" else "file"
    allowed = f"an existing {kind}, absolute or relative to {folder}"
    return [Mistake(line, path, f"no such {kind}", shown(value), allowed)]


def located(dataset: Any, folder: Path) -> Any:
    """A data source's parameters with its `path`, if any, made absolute: it is relative to the recipe's folder."""
    stated = getattr(dataset, "path", None)
    if stated is None:
        return dataset
    return dataset.model_copy(update={"path": str((folder / Path(stated).expanduser()).resolve())})
