"""Imports that a module makes by calling a function, as far as its source says which: `import_module(f"nets.{name}")`.

Where the beginning of the name is written out, up to a dot, all modules below it count; where nothing is, the line is
told, since a change of what it imports would go unnoticed.
"""

import ast
from collections.abc import Mapping
from typing import NamedTuple

_BY_NAME = frozenset({"import_module", "__import__", "run_module"})
_OF_OBJECTS = frozenset({"locate", "resolve_name", "import_string"})  # `package.module.name`, `package.module:name`
_UNSEEN = frozenset({"spec_from_file_location", "SourceFileLoader", "run_path", "load_source", "exec"})
_SEARCH = ("sys.path.insert", "sys.path.append", "sys.path.extend", "site.addsitedir")


class LateImports(NamedTuple):
    """What was found.

    names   absolute names of modules; one that ends in `*` stands for all that begin so
    unseen  lines of the calls that do not say what they import, or change where imports are looked for
    """

    names: tuple[str, ...]
    unseen: tuple[int, ...]


def find(tree: ast.Module, name: str, is_package: bool) -> LateImports:
    """Of the module of that name."""
    package = name if is_package else name.rpartition(".")[0]
    known = {**_constants(tree), "__name__": name, "__package__": package}
    aliases = _aliases(tree)
    names: list[str] = []
    unseen: list[int] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _called(node.func, aliases)
        if called in _BY_NAME or called in _OF_OBJECTS:
            found = _named(node, known, package)
            names += [] if found is None else [found] if called in _BY_NAME else _holders(found)
            unseen += [] if found else [node.lineno]
        elif called in _UNSEEN or ast.unparse(node.func).endswith(("hub.load", *_SEARCH)):
            unseen.append(node.lineno)
    return LateImports(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(unseen)))


def _called(function: ast.expr, aliases: Mapping[str, str]) -> str:
    """The last name of what is called, by the name that it has where it comes from."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return aliases.get(function.id, function.id) if isinstance(function, ast.Name) else ""


def _aliases(tree: ast.Module) -> dict[str, str]:
    """{name: what it stands for} of `from importlib import import_module as load`, `load = importlib.import_module`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute | ast.Name):
            named = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            if named in _BY_NAME | _OF_OBJECTS | _UNSEEN:
                found |= {target.id: named for target in node.targets if isinstance(target, ast.Name)}
    return found


def _holders(found: str) -> list[str]:
    """What a name of an object in a module says: the object may be a module itself."""
    name = found.replace(":", ".")
    return [name, name.rpartition(".")[0]] if "." in name and not name.endswith("*") else [name]


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _named(call: ast.Call, known: Mapping[str, str], package: str) -> str | None:
    stated = _argument(call, 0, "name") or _argument(call, 0, "mod_name") or _argument(call, 0, "path")
    if stated is None:
        return None
    text, is_whole = _beginning(stated, known)
    if text.startswith("."):
        anchor = _argument(call, 1, "package")
        base, is_known = (package, True) if anchor is None else _beginning(anchor, known)
        if not is_known:
            return None
        parents = base.split(".")
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
