"""A recipe's file: found by name, read with line numbers, checked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap

from compression_ops.errors import CompressionError
from pipelines.recipe import bounds, checks, location, missing, project
from pipelines.recipe.constraints import NAME_PATTERN
from pipelines.recipe.document import COMPONENT, attributes_of, parse, plain
from pipelines.recipe.error import Mistake, RecipeError, nearest, shown
from pipelines.recipe.searched import mistakes as searched
from pipelines.recipe.sections import Recipe

FILE_NAME = "defs.yaml"
_TOLD = 100  # mistakes: whoever makes more of them made one, a hundred times


@dataclass(frozen=True)
class RecipeFile:
    """A checked recipe, its name (the folder's), the file that it stands in, and what stands there, with the lines."""

    name: str
    path: Path
    recipe: Recipe
    attributes: CommentedMap = field(default_factory=CommentedMap, compare=False, repr=False)


def defs_folder() -> Path:
    """Where recipes stand, one folder each: `COMPRESSION_DEFS`, or that of the project (see `recipe.project`)."""
    configured = os.environ.get("COMPRESSION_DEFS")
    return Path(configured) if configured else project.current().defs


def defs_is_configured() -> bool:
    """Whether `COMPRESSION_DEFS` says where recipes stand."""
    return bool(os.environ.get("COMPRESSION_DEFS"))


def recipe_names() -> list[str]:
    """The names of all recipes, sorted: the project's own, and where the product is installed those that came with it.

    In a project of Dagster's the definitions of other components stand beside recipes; they are none.
    """
    folders = {defs_folder(), *shipped_folders()}
    files = {path for folder in folders for path in folder.glob(f"*/{FILE_NAME}") if path.is_file()}
    if shipped_folders():
        files = {path for path in files if not _is_of_another_component(path)}
    return sorted({path.parent.name for path in files})


def path_of(name: str) -> Path:
    """Where the recipe of a name stands, or would stand: one's own, before one of the same name that was shipped."""
    own = defs_folder() / name / FILE_NAME
    shipped = (folder / name / FILE_NAME for folder in shipped_folders())
    return own if own.is_file() else next((path for path in shipped if path.is_file()), own)


def find(name: str) -> Path:
    """The file of a recipe. Raises CompressionError that names the nearest recipe if there is none of this name."""
    if name in recipe_names():
        return path_of(name)
    names = recipe_names()
    close = nearest(name, names)
    raise CompressionError(
        f"no recipe is named {name!r}\n  allowed: {', '.join(names) or 'none: no recipe exists yet'}"
        + (f"\n  did you mean `{close}`?" if close else "")
        + f"\n  a recipe is a file {displayed(defs_folder())}/<name>/{FILE_NAME}"
    )


def shipped_folders() -> tuple[Path, ...]:
    """The folder of recipes that came with an installed product; in a checkout it is the project's own."""
    if os.environ.get("COMPRESSION_DEFS") or project.checkout():
        return ()
    return (project.shipped_defs(),)


def _is_of_another_component(path: Path) -> bool:
    try:
        text = bounds.text_of(path, errors="replace")
    except (OSError, bounds.TooLarge):  # which is told where it is read
        return False
    stated = re.search(r"^type:\s*[\"']?([\w.]+)", text, re.MULTILINE)
    return stated is not None and "." in stated[1] and stated[1].rpartition(".")[2] != COMPONENT.rpartition(".")[2]


def load(name: str) -> RecipeFile:
    """Read and check the recipe of a name."""
    return read(find(name))


def read(path: Path, text: str | None = None) -> RecipeFile:
    """Read and check one recipe file, or another text in its place. Raises RecipeError with every mistake in it."""
    file = displayed(path)
    _check_name(path, file)
    document = parse(path, file, text)
    attributes = attributes_of(document, file)
    _check_keys(attributes, file, 1)
    try:
        recipe = Recipe.model_validate(plain(attributes))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        mistakes = [checks.mistake(attributes, fault) for fault in faults[:_TOLD]]
        raise RecipeError(file, _without_repeats(mistakes), max(len(faults) - _TOLD, 0)) from None
    mistakes = checks.cross_check(recipe, attributes)
    if mistakes:
        raise RecipeError(file, mistakes)
    return RecipeFile(path.parent.name, path, recipe, attributes)


def with_values(found: RecipeFile, values: Mapping[str, Any]) -> RecipeFile:
    """A recipe with some fields set (`students.small.learning_rate` -> 0.01) and without its `search`, in no file.

    Raises RecipeError if such a recipe is not right.
    """
    attributes = searched.changed(found.attributes, values)
    mistakes = checks.refused(attributes)
    if mistakes:
        raise RecipeError(displayed(found.path), mistakes)
    return RecipeFile(found.name, found.path, Recipe.model_validate(plain(attributes)), attributes)


def check(path: Path, text: str | None = None) -> RecipeFile:
    """As `read`, where the files that the recipe names must be there too, and hold what it says they hold."""
    found = read(path, text)
    require_files(found, text)
    require_readable(found, text)
    return found


def require_readable(recipe_file: RecipeFile, text: str | None = None) -> None:
    """Raises RecipeError for data that are here and hold something else than the recipe says."""
    file = displayed(recipe_file.path)
    attributes = attributes_of(parse(recipe_file.path, file, text), file)
    mistakes = missing.misread(recipe_file.recipe, attributes, recipe_file.path.parent)
    if mistakes:
        raise RecipeError(file, mistakes)


def require_files(recipe_file: RecipeFile, text: str | None = None) -> None:
    """Raises RecipeError for files that a recipe names and that are not on this machine."""
    file = displayed(recipe_file.path)
    attributes = attributes_of(parse(recipe_file.path, file, text), file)
    mistakes = missing.mistakes(recipe_file.recipe, attributes, recipe_file.path.parent)
    if mistakes:
        raise RecipeError(file, mistakes)


def attributes(path: Path) -> CommentedMap:
    """What stands under `attributes` in a recipe's file, with the lines. Raises RecipeError if nothing does."""
    file = displayed(path)
    return attributes_of(parse(path, file), file)


def _check_name(path: Path, file: str) -> None:
    if not re.fullmatch(NAME_PATTERN, path.parent.name):
        found = f"the folder {shown(path.parent.name)}"
        allowed = "a folder named with letters, digits and underscores: it is the recipe's name"
        raise RecipeError(file, [Mistake(1, "", "not a name", found, allowed)])


def _check_keys(node: Any, file: str, line: int) -> None:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            if not isinstance(key, str):
                raise RecipeError(file, [Mistake(line, "", "not a key", _cut_key(key), "text as the key of a map")])
            _check_keys(value, file, location.key_line(node, key, line))


def _cut_key(key: Any) -> str:
    return shown(key) if isinstance(key, bool | int | float | None) else f"a {type(key).__name__}"


def displayed(path: Path) -> str:
    """A path as a user types it: relative to the current folder where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _without_repeats(mistakes: list[Mistake]) -> list[Mistake]:
    """One mistake a field: pydantic reports each alternative of a field, and a mistyped key also as a missing one."""
    first: dict[tuple[int, str], Mistake] = {}
    for mistake in mistakes:
        first.setdefault((mistake.line, mistake.path), mistake)
    mistyped = {".".join([*mistake.path.split(".")[:-1], mistake.nearest]) for mistake in mistakes if mistake.nearest}
    return [mistake for mistake in first.values() if mistake.problem != "missing" or mistake.path not in mistyped]
