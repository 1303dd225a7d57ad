"""What a recipe says of its networks against the code that builds them, which is read and never run."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from compression_ops import implementations
from compression_ops.models.choice import NetworkChoice
from pipelines.recipe.error import Mistake, nearest, shown
from pipelines.recipe.location import locate

# Arguments of published networks that state what the data are, or load weights, which `weights:` does.
_GIVEN_BY_THE_DATA = frozenset({"num_classes", "in_chans"})
_GIVEN = 2  # what a factory is always called with: input_shape, classes


def mistakes(choice: NetworkChoice, attributes: CommentedMap, where: tuple[str, ...]) -> list[Mistake]:
    """Of the network that a recipe chooses at `where`: no such factory, or arguments that it does not take."""
    location = (*where, "architecture")
    if choice.architecture == implementations.ONNX:
        return []
    if implementations.is_published(choice.architecture):
        return [*_unpublished(attributes, location), *_given_by_the_data(choice, attributes, where)]
    module, function = implementations.factory(choice.architecture)
    if ":" not in choice.architecture:
        unknown = _not_in_the_zoo(attributes, location)
    else:
        unknown = _undefined(module, function, attributes, location)
    file = implementations.find_module(module)
    taken = _not_taken(choice, file, function, attributes, where) if file is not None else ()
    return [*unknown, *taken]


def _unpublished(attributes: CommentedMap, location: tuple[str, ...]) -> list[Mistake]:
    path, line, value, _ = locate(attributes, location)
    library, _, name = value.partition(":")
    published: list[str] = importlib.import_module(implementations.factory(value)[0]).names()
    package = library.partition(".")[0]
    if not published:
        return [Mistake(line, path, f"{package} is not installed", shown(value), f"after `pip install {package}`")]
    if name in published:
        return []
    allowed = (
        f"one of the {len(published)} networks of {library}, such as {', '.join(published[:: len(published) // 5])}"
    )
    return [Mistake(line, path, "no such network", shown(value), allowed, nearest(name, published))]


def _given_by_the_data(choice: NetworkChoice, attributes: CommentedMap, where: tuple[str, ...]) -> Iterator[Mistake]:
    for name in sorted(choice.arguments.keys() & _GIVEN_BY_THE_DATA):
        path, line, value, _ = locate(attributes, (*where, "arguments", name))
        yield Mistake(line, path, "is what the data say", shown(value), "without it: classes and channels are theirs")


def _not_in_the_zoo(attributes: CommentedMap, location: tuple[str, ...]) -> list[Mistake]:
    path, line, value, _ = locate(attributes, location)
    zoo = implementations.names("models.architectures")
    if value in zoo:
        return []
    allowed = (
        f"one of: {', '.join(zoo)}; torchvision.models:<name> or timm:<name>; or a factory of your own as "
        "package.module:factory"
    )
    return [Mistake(line, path, "no such architecture", shown(value), allowed, nearest(value, zoo))]


def _undefined(module: str, factory: str, attributes: CommentedMap, location: tuple[str, ...]) -> list[Mistake]:
    path, line, value, _ = locate(attributes, location)
    if refusal := implementations.forbidden(module):
        return [Mistake(line, path, refusal, shown(value), "a factory of your own as package.module:factory")]
    file = implementations.find_module(module)
    if file is None:
        allowed = "a module that Python finds (is its folder on PYTHONPATH, its package installed?)"
        return [Mistake(line, path, f"no module is named {module!r}", shown(value), allowed)]
    names = _top_level_names(file)
    if names is None or factory in names:
        return []
    allowed = f"a function of {module}: {', '.join(sorted(names)[:12]) or 'it defines none'}"
    return [Mistake(line, path, f"{module} defines no {factory!r}", shown(value), allowed, nearest(factory, names))]


def _not_taken(
    choice: NetworkChoice, file: Path, function: str, attributes: CommentedMap, where: tuple[str, ...]
) -> Iterator[Mistake]:
    """Arguments that the function does not name; one that is made in another way than by `def` is not looked at."""
    tree = _parsed(file)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function] if tree else []
    if not found or found[-1].args.kwarg is not None:
        return
    takes = [argument.arg for argument in (*found[-1].args.args[_GIVEN:], *found[-1].args.kwonlyargs)]
    for name in choice.arguments:
        if name not in takes:
            path, line, value, _ = locate(attributes, (*where, "arguments", name))
            allowed = f"an argument of {function}: {', '.join(takes) or 'it takes none but input_shape and classes'}"
            yield Mistake(line, path, "no such argument", shown(value), allowed, nearest(name, takes))


def _top_level_names(file: Path) -> list[str] | None:
    """The public names that a module defines; None if only running it would tell (a star import), or if it is no
    Python, which the code's closure says with the line.
    """
    tree = _parsed(file)
    if tree is None:
        return None
    names: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in statement.names]
    if "*" in names:
        return None
    return [name for name in names if not name.startswith("_")]


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return None
