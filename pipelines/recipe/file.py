"""A recipe's file: found by name, read with line numbers, checked, and edited in place without losing a comment."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from compression_ops.errors import CompressionError
from pipelines.recipe import checks, location, project
from pipelines.recipe.constraints import NAME_PATTERN
from pipelines.recipe.error import Mistake, RecipeError, nearest, shown
from pipelines.recipe.sections import Recipe

# Of an installed product the package has a second name, which no folder of a user's takes (see deploy/wheel.py).
COMPONENT = f"{__name__.partition('.')[0]}.CompressionPipeline"
COMPONENTS = tuple(dict.fromkeys((COMPONENT, "pipelines.CompressionPipeline")))
FILE_NAME = "defs.yaml"
_TOP_KEYS = ("type", "attributes", "requirements", "template_vars_module", "post_processing")


@dataclass(frozen=True)
class RecipeFile:
    """A checked recipe, its name (the folder's) and the file that it stands in."""

    name: str
    path: Path
    recipe: Recipe


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
    folders = {defs_folder(), *_shipped()}
    files = {path for folder in folders for path in folder.glob(f"*/{FILE_NAME}") if path.is_file()}
    if _shipped():
        files = {path for path in files if not _is_of_another_component(path)}
    return sorted({path.parent.name for path in files})


def path_of(name: str) -> Path:
    """Where the recipe of a name stands, or would stand: one's own, before one of the same name that was shipped."""
    own = defs_folder() / name / FILE_NAME
    shipped = (folder / name / FILE_NAME for folder in _shipped())
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


def _shipped() -> tuple[Path, ...]:
    """The folder of recipes that came with an installed product; in a checkout it is the project's own."""
    if os.environ.get("COMPRESSION_DEFS") or project.checkout():
        return ()
    return (project.shipped_defs(),)


def _is_of_another_component(path: Path) -> bool:
    stated = re.search(r"^type:\s*[\"']?([\w.]+)", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return stated is not None and "." in stated[1] and stated[1].rpartition(".")[2] != COMPONENT.rpartition(".")[2]


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
    mistakes = checks.cross_check(recipe, attributes, path.parent)
    if mistakes:
        raise RecipeError(file, mistakes)
    return RecipeFile(path.parent.name, path, recipe)


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

    A recipe that came with an installed product stays as it is: its copy in the project's own folder is edited.
    `accept` sees the result before the file changes, and may raise. Raises RecipeError if the result is not valid, and
    CompressionError if a path leads through something that is not a map, or that stands in several places at once.
    """
    path, source = _own(path.resolve()), path.resolve()
    yaml = _yaml()
    document = _parse(source, displayed(source))
    attributes = _attributes(document, displayed(source))
    for dotted, value in assignments.items():
        _assign(attributes, dotted, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            yaml.dump(document, stream)
        try:
            checked = read(Path(temporary))
        except RecipeError as error:
            raise RecipeError(displayed(source), error.mistakes) from None
        result = RecipeFile(path.parent.name, path, checked.recipe)
        accept(result)
        Path(temporary).chmod(source.stat().st_mode)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
        if not path.exists():  # the copy of a shipped recipe that would not be valid
            with suppress(OSError):
                path.parent.rmdir()
    return result


def retyped(text: str, component: str) -> str:
    """The text of a recipe with another name of the component as its type."""
    return re.sub(r"^type:.*$", f"type: {component}", text, count=1, flags=re.MULTILINE)


def _own(path: Path) -> Path:
    """Where the recipe of a file is edited: in the file, or for one that was shipped in the project's own folder."""
    if any(path.is_relative_to(folder.resolve()) for folder in _shipped()):
        return (defs_folder() / path.parent.name / FILE_NAME).resolve()
    return path


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
    if document.get("type") not in COMPONENTS:
        line = document.lc.key("type")[0] + 1 if "type" in document else 1
        found = shown(document["type"]) if "type" in document else "no such key"
        raise RecipeError(file, [Mistake(line, "type", "not a compression recipe", found, " or ".join(COMPONENTS))])
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
