"""One module's source as far as a stage depends on it: its digest without comments, docstrings and formatting, what it
imports, and which data files it reads.

Modules are parsed, never imported, so this cannot run anybody's code. An import under `if TYPE_CHECKING:` does not run
and does not count. A module may name data files that it reads, relative to its own folder, in a top-level tuple
`RESOURCES`.
"""

import ast
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from compression_ops.errors import CompressionError
from pipelines.graph import late_imports


class SourceError(CompressionError):
    """The source of a module is not Python; its words begin with the number of the line."""


class ModuleSource(NamedTuple):
    """What is known of a module from its source alone.

    digest        SHA-256 of the normalized source
    imports       absolute names: of modules, and of what is imported from them, which may be modules
    resources     files that it reads, relative to its folder
    late_imports  names of modules that it imports by calling a function; `nets.*` is all that begin so
    unseen        lines where it imports modules that the source does not name
    """

    digest: str
    imports: tuple[str, ...]
    resources: tuple[str, ...]
    late_imports: tuple[str, ...] = ()
    unseen: tuple[int, ...] = ()


def parse(name: str, source: bytes, is_package: bool) -> ModuleSource:
    """Parse the source of the module of that name. Raises SourceError."""
    try:
        tree = ast.parse(source, filename=name)
    except (SyntaxError, ValueError) as error:
        line, words = getattr(error, "lineno", None) or 1, getattr(error, "msg", error)
        raise SourceError(f"{line}: not Python: {words}") from error
    imports = tuple(dict.fromkeys(_imported(tree, name, is_package)))
    resources = tuple(_resources(tree))
    late = late_imports.find(tree, name, is_package)
    digest = hashlib.sha256(ast.unparse(_without_docstrings(tree)).encode()).hexdigest()
    return ModuleSource(digest, imports, resources, late.names, late.unseen)


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[str]:
    skipped = {id(node) for node in _under_type_checking(tree)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, name, is_package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    parents = parts[: len(parts) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _under_type_checking(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.body:
                yield from ast.walk(statement)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    return tree


def _resources(tree: ast.Module) -> list[str]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "RESOURCES" for target in statement.targets
        ):
            return _names(statement)
    return []


def _names(statement: ast.Assign) -> list[str]:
    try:
        found = ast.literal_eval(statement.value)
    except ValueError:
        found = None
    if not isinstance(found, tuple | list) or not all(isinstance(name, str) for name in found):
        raise SourceError(f"{statement.lineno}: RESOURCES is no tuple of file names, written out")
    return list(found)
