"""The code that a stage runs: the modules that it imports, hashed without comments, docstrings and formatting.

Modules are found and parsed, never imported, so this is fast and cannot run anybody's code. An import under
`if TYPE_CHECKING:` does not run and does not count. A module may name data files that it reads, relative to its own
folder, in a top-level tuple `RESOURCES`; they are hashed with it.
"""

import ast
import hashlib
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from compression_ops.implementations import find_module

_INSTALLED = tuple(sysconfig.get_paths()[key] for key in ("purelib", "platlib", "stdlib", "platstdlib"))


@dataclass(frozen=True)
class _Module:
    digest: str
    imports: tuple[str, ...]
    resources: tuple[Path, ...]


def closure(entries: Iterable[str]) -> dict[str, str]:
    """{module name: SHA-256 of its normalized source} of the entry modules and of all that they reach.

    Installed third-party packages and the standard library are left out: their versions are recorded in the lineage.
    """
    waiting = list(entries)
    digests: dict[str, str] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or not _is_ours(name.partition(".")[0]):
            continue
        seen.add(name)
        file = find_module(name)
        if file is None:
            continue
        module = _parsed(name, file)
        digests[name] = _with_resources(module)
        waiting += [*module.imports, *_parents(name)]
    return dict(sorted(digests.items()))


@lru_cache(maxsize=1024)
def _is_ours(top_level: str) -> bool:
    """Whether a top-level module is the product's or its user's own, not installed from somewhere else."""
    if top_level == "compression_ops":
        return True
    file = find_module(top_level)
    return file is not None and not any(file.is_relative_to(folder) for folder in _INSTALLED)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def _parsed(name: str, file: Path) -> _Module:
    status = file.stat()
    return _parse(name, file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _parse(name: str, file: Path, modified: int, size: int) -> _Module:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    imports = tuple(_imported(tree, name, is_package=file.name == "__init__.py"))
    resources = tuple(file.parent / resource for resource in _resources(tree))
    digest = hashlib.sha256(ast.unparse(_without_docstrings(tree)).encode()).hexdigest()
    return _Module(digest, imports, resources)


def _with_resources(module: _Module) -> str:
    if not module.resources:
        return module.digest
    digest = hashlib.sha256(module.digest.encode())
    for resource in module.resources:
        digest.update(resource.read_bytes())
    return digest.hexdigest()


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterable[str]:
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


def _under_type_checking(tree: ast.Module) -> Iterable[ast.AST]:
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
            return list(ast.literal_eval(statement.value))
    return []
