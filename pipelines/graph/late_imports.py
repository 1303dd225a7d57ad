"""Imports that a module makes by calling a function, as far as its source says which: `import_module(f"nets.{name}")`.

Where the beginning of the name is written out, up to a dot, all modules below it count; where nothing is, the line is
told, since a change of what it imports would go unnoticed.
"""

import ast
from collections.abc import Mapping
from typing import NamedTuple

_BY_NAME = frozenset({"import_module", "__import__", "run_module"})
_BY_PATH = frozenset({"spec_from_file_location", "SourceFileLoader", "run_path", "load_source"})


class LateImports(NamedTuple):
    """What was found.

    names   absolute names of modules; one that ends in `*` stands for all that begin so
    unseen  lines of the calls that do not say what they import
    """

    names: tuple[str, ...]
    unseen: tuple[int, ...]


def find(tree: ast.Module, name: str, is_package: bool) -> LateImports:
    """Of the module of that name."""
    package = name if is_package else name.rpartition(".")[0]
    known = {**_constants(tree), "__name__": name, "__package__": package}
    names: list[str] = []
    unseen: list[int] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _last_name(node.func)
        if called in _BY_NAME:
            found = _named(node, known, package)
            names += [found] if found else []
            unseen += [] if found else [node.lineno]
        elif called in _BY_PATH or ast.unparse(node.func).endswith("hub.load"):
            unseen.append(node.lineno)
    return LateImports(tuple(dict.fromkeys(names)), tuple(unseen))


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _named(call: ast.Call, known: Mapping[str, str], package: str) -> str | None:
    stated = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "name"), None)
    if stated is None:
        return None
    text, is_whole = _beginning(stated, known)
    if text.startswith("."):
        parents = package.split(".")
        levels = len(text) - len(text.lstrip(".")) - 1
        text = ".".join([*parents[: len(parents) - levels], text.lstrip(".")])
    if is_whole:
        return text
    return f"{text}*" if "." in text else None


def _beginning(text: ast.expr, known: Mapping[str, str]) -> tuple[str, bool]:
    """What a text begins with, as far as it is written out, and whether that is all of it."""
    match text:
        case ast.Constant(value=str(value)):
            return value, True
        case ast.Name(id=name) if name in known:
            return known[name], True
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _beginning(value, known)
        case ast.JoinedStr(values=parts):
            return _joined(parts, known)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([left, right], known)
        case ast.BinOp(left=ast.Constant(value=str(value)), op=ast.Mod()):
            return value.partition("%")[0], False
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(value)), attr="format")):
            return value.partition("{")[0], False
        case _:
            return "", False


def _joined(parts: list[ast.expr], known: Mapping[str, str]) -> tuple[str, bool]:
    found = ""
    for part in parts:
        text, is_whole = _beginning(part, known)
        found += text
        if not is_whole:
            return found, False
    return found, True


def _constants(tree: ast.Module) -> dict[str, str]:
    """The names that the module assigns once, at its top, to a text that is written out."""
    assigned = [
        (target.id, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    times = [name for name, _ in assigned]
    return {
        name: value.value
        for name, value in assigned
        if times.count(name) == 1 and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
