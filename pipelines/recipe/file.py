"""A recipe's file: found by name, read with line numbers, checked, and edited in place without losing a comment."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from compression_ops.errors import CompressionError
from pipelines.recipe import checks, location, lock, missing
from pipelines.recipe.constraints import NAME_PATTERN
from pipelines.recipe.error import Mistake, RecipeError, nearest, shown
from pipelines.recipe.sections import Recipe

COMPONENT = "pipelines.CompressionPipeline"
FILE_NAME = "defs.yaml"
_TRIES = 20  # to edit a file that somebody else writes at the same time
_TOP_KEYS = ("type", "attributes", "requirements", "template_vars_module", "post_processing")


@dataclass(frozen=True)
class RecipeFile:
    """A checked recipe, its name (the folder's) and the file that it stands in."""

    name: str
    path: Path
    recipe: Recipe


def defs_folder() -> Path:
    """Where recipes stand, one folder each: `COMPRESSION_DEFS`, or the package's own `defs`."""
    configured = os.environ.get("COMPRESSION_DEFS")
    return Path(configured) if configured else Path(__file__).parent.parent / "defs"


def recipe_names() -> list[str]:
    """The names of all recipes, sorted."""
    return sorted(path.parent.name for path in defs_folder().glob(f"*/{FILE_NAME}") if path.is_file())


def find(name: str) -> Path:
    """The file of a recipe. Raises CompressionError that names the nearest recipe if there is none of this name."""
    path = defs_folder() / name / FILE_NAME
    if name in recipe_names():
        return path
    names = recipe_names()
    close = nearest(name, names)
    raise CompressionError(
        f"no recipe is named {name!r}\n  allowed: {', '.join(names) or 'none: no recipe exists yet'}"
        + (f"\n  did you mean `{close}`?" if close else "")
        + f"\n  a recipe is a file {displayed(defs_folder())}/<name>/{FILE_NAME}"
    )


def load(name: str) -> RecipeFile:
    """Read and check the recipe of a name."""
    return read(find(name))


def read(path: Path, text: str | None = None) -> RecipeFile:
    """Read and check one recipe file, or another text in its place. Raises RecipeError with every mistake in it."""
    file = displayed(path)
    _check_name(path, file)
    document = _parse(path, file, text)
    attributes = _attributes(document, file)
    _check_keys(attributes, file, 1)
    try:
        recipe = Recipe.model_validate(plain(attributes))
    except ValidationError as error:
        mistakes = [checks.mistake(attributes, fault) for fault in error.errors()]
        raise RecipeError(file, _without_repeats(mistakes)) from None
    mistakes = checks.cross_check(recipe, attributes)
    if mistakes:
        raise RecipeError(file, mistakes)
    return RecipeFile(path.parent.name, path, recipe)


def check(path: Path, text: str | None = None) -> RecipeFile:
    """As `read`, where the files that the recipe names must be there too."""
    found = read(path, text)
    require_files(found, text)
    return found


def require_files(recipe_file: RecipeFile, text: str | None = None) -> None:
    """Raises RecipeError for files that a recipe names and that are not on this machine."""
    file = displayed(recipe_file.path)
    attributes = _attributes(_parse(recipe_file.path, file, text), file)
    mistakes = missing.mistakes(recipe_file.recipe, attributes, recipe_file.path.parent)
    if mistakes:
        raise RecipeError(file, mistakes)


def attributes(path: Path) -> CommentedMap:
    """What stands under `attributes` in a recipe's file, with the lines. Raises RecipeError if nothing does."""
    file = displayed(path)
    return _attributes(_parse(path, file), file)


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


def plain(value: Any) -> Any:
    """ruamel's annotated values as plain Python ones."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _anything(_: RecipeFile) -> None:
    pass


def set_values(
    path: Path, assignments: Mapping[str, Any], accept: Callable[[RecipeFile], None] = _anything
) -> RecipeFile:
    """Set fields (`teacher.epochs` -> 5) in the file itself, keeping comments, if the result is a valid recipe.

    `accept` sees the result before the file changes, and may raise. Of several processes one edits at a time; what
    somebody else, such as an editor, saves meanwhile is kept: the fields are set in that. Raises RecipeError if the
    result is not valid, and CompressionError if a path leads through something that is not a map, or that stands in
    several places at once, or if the file changes again and again.
    """
    path = path.resolve()
    with lock.held(path.parent):
        for _ in range(_TRIES):
            edited = _try_to_set(path, assignments, accept)
            if edited is not None:
                return edited
    raise CompressionError(f"{displayed(path)} is changed by another program all the time; nothing was set in it")


def _try_to_set(path: Path, assignments: Mapping[str, Any], accept: Callable[[RecipeFile], None]) -> RecipeFile | None:
    """As `set_values`; None, and nothing is changed, if the file is no longer the one that was read."""
    before = path.read_bytes()
    yaml = _yaml()
    document = _parse(path, displayed(path))
    attributes = _attributes(document, displayed(path))
    for dotted, value in assignments.items():
        _assign(attributes, dotted, value)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            yaml.dump(document, stream)
        try:
            checked = _edited(Path(temporary), assignments)
        except RecipeError as error:
            raise RecipeError(displayed(path), error.mistakes) from None
        result = RecipeFile(path.parent.name, path, checked.recipe)
        accept(result)
        Path(temporary).chmod(path.stat().st_mode)
        if path.read_bytes() != before:
            return None
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return result


def _edited(path: Path, assignments: Mapping[str, Any]) -> RecipeFile:
    """The result of an edit; files that it names must be there."""
    checked = read(path)
    try:
        require_files(checked)
    except RecipeError as error:
        if any(
            found.path == dotted or found.path.startswith(f"{dotted}.")
            for found in error.mistakes
            for dotted in assignments
        ):
            raise
    return checked


def parse_assignment(text: str) -> tuple[str, Any]:
    """`teacher.epochs=5` -> ("teacher.epochs", 5); the value is read as YAML."""
    dotted, equals, value = text.partition("=")
    if not equals or not dotted.strip():
        raise CompressionError(f"--set {text!r} is no assignment\n  allowed: FIELD=VALUE, as in teacher.epochs=5")
    try:
        return dotted.strip(), YAML(typ="safe", pure=True).load(value)
    except (YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CompressionError(f"--set {text!r}: the value is not YAML: {error}") from None


def _assign(attributes: CommentedMap, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    node: Any = attributes
    for depth, key in enumerate(parents):
        if node.get(key) is None:
            node[key] = CommentedMap()
        node = node[key]
        if not isinstance(node, dict):
            where = ".".join(parents[: depth + 1])
            raise CompressionError(f"--set {dotted}: {where} is {shown(node)}, which has no fields")
        if isinstance(node, CommentedMap) and node.anchor.value is not None:
            where = ".".join(parents[: depth + 1])
            raise CompressionError(f"--set {dotted}: {where} is shared by an anchor (&); edit the file instead")
    node[last] = value


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    return yaml


def _parse(path: Path, file: str, text: str | None = None) -> Any:
    try:
        return _yaml().load(path.read_text(encoding="utf-8") if text is None else text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem).split(" with value")[0]
        raise RecipeError(file, [Mistake(line, "", problem, "", "each name once in a map")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RecipeError(file, [Mistake(line, "", "not YAML", str(error.problem), "one YAML document")]) from None
    except (YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:  # ruamel lets values' errors through
        raise RecipeError(file, [Mistake(1, "", "not YAML", str(error), "UTF-8 text, one YAML document")]) from None
    except OSError as error:
        raise RecipeError(file, [Mistake(1, "", "cannot be read", str(error.strerror), "a readable file")]) from None


def _attributes(document: Any, file: str) -> CommentedMap:
    shape = f"`type: {COMPONENT}`, then `attributes:` with the keys {', '.join(Recipe.model_fields)}"
    if not isinstance(document, CommentedMap):
        problem = "the file is empty" if document is None else "not a recipe"
        raise RecipeError(file, [Mistake(1, "", problem, "" if document is None else shown(document), shape)])
    for key in document:
        if key not in _TOP_KEYS:
            line = document.lc.key(key)[0] + 1
            raise RecipeError(
                file,
                [Mistake(line, str(key), "unknown key", shown(document[key]), shape, nearest(str(key), _TOP_KEYS))],
            )
    if document.get("type") != COMPONENT:
        line = document.lc.key("type")[0] + 1 if "type" in document else 1
        found = shown(document["type"]) if "type" in document else "no such key"
        raise RecipeError(file, [Mistake(line, "type", "not a compression recipe", found, COMPONENT)])
    attributes = document.get("attributes")
    if not isinstance(attributes, CommentedMap):
        line = document.lc.key("attributes")[0] + 1 if "attributes" in document else 1
        found = shown(attributes) if "attributes" in document else "no such key"
        raise RecipeError(file, [Mistake(line, "attributes", "missing or not a map", found, shape)])
    return attributes


def _without_repeats(mistakes: list[Mistake]) -> list[Mistake]:
    """One mistake a field: pydantic reports each alternative of a field, and a mistyped key also as a missing one."""
    first: dict[tuple[int, str], Mistake] = {}
    for mistake in mistakes:
        first.setdefault((mistake.line, mistake.path), mistake)
    mistyped = {".".join([*mistake.path.split(".")[:-1], mistake.nearest]) for mistake in mistakes if mistake.nearest}
    return [mistake for mistake in first.values() if mistake.problem != "missing" or mistake.path not in mistyped]
