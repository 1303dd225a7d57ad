"""Edits of a recipe in its file, which lose no comment and nobody else's edit."""

import io
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from compression_ops.errors import CompressionError
from pipelines.recipe import bounds, file
from pipelines.recipe.document import attributes_of, dumper, parse
from pipelines.recipe.error import RecipeError, shown
from pipelines.recipe.file import FILE_NAME, RecipeFile, displayed, read, require_files
from pipelines.recipe.writing import in_place, lock

_TRIES = 20  # to edit a file that somebody else writes at the same time


def _anything(_: RecipeFile) -> None:
    pass


def set_values(
    path: Path, assignments: Mapping[str, Any], accept: Callable[[RecipeFile], None] = _anything
) -> RecipeFile:
    """Set fields (`teacher.epochs` -> 5) in the file itself, keeping comments, if the result is a valid recipe.

    A recipe that came with an installed product stays as it is: its copy in the project's own folder is edited.
    `accept` sees the result before the file changes, and may raise. Of several processes one edits at a time; what
    somebody else, such as an editor, saves meanwhile is kept: the fields are set in that. Raises RecipeError if the
    result is not valid, and CompressionError if a path leads through something that is not a map, or that stands in
    several places at once, or if the file changes again and again.
    """
    path, source = _own(path.resolve()), path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.held(path.parent):
        for _ in range(_TRIES):
            edited = _try_to_set(path, path if path.exists() else source, assignments, accept)
            if edited is not None:
                return edited
    raise CompressionError(f"{displayed(path)} is changed by another program all the time; nothing was set in it")


def _try_to_set(
    path: Path, source: Path, assignments: Mapping[str, Any], accept: Callable[[RecipeFile], None]
) -> RecipeFile | None:
    """As `set_values`, of the text in `source`; None, and nothing is changed, if that is no longer what was read."""
    before = source.read_bytes()
    document = parse(source, displayed(source))
    attributes = attributes_of(document, displayed(source))
    for dotted, value in assignments.items():
        _assign(attributes, dotted, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(_text(before.decode("utf-8"), document, assignments))
            stream.flush()
            os.fsync(descriptor)
        try:
            checked = _edited(Path(temporary), assignments)
        except RecipeError as error:
            raise RecipeError(displayed(source), error.mistakes) from None
        result = replace(checked, name=path.parent.name, path=path)
        accept(result)
        Path(temporary).chmod(source.stat().st_mode)
        if source.read_bytes() != before:
            return None
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
        if not path.exists():  # the copy of a shipped recipe that would not be valid
            with suppress(OSError):
                path.parent.rmdir()
    return result


def _text(before: str, document: CommentedMap, assignments: Mapping[str, Any]) -> str:
    """The edited document: the text before but for the values that were set, or written anew where that cannot be."""
    text: str | None = before
    for dotted, value in assignments.items():
        text = in_place.set_scalar(text, ("attributes", *dotted.split(".")), value) if text is not None else None
    if text is not None:
        with suppress(YAMLError):
            if dumper().load(text) == document:
                return text
    written = io.StringIO()
    dumper().dump(document, written)
    return written.getvalue()


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


def _own(path: Path) -> Path:
    """Where the recipe of a file is edited: in the file, or for one that was shipped in the project's own folder."""
    if any(path.is_relative_to(folder.resolve()) for folder in file.shipped_folders()):
        return (file.defs_folder() / path.parent.name / FILE_NAME).resolve()
    return path


def parse_assignment(text: str) -> tuple[str, Any]:
    """`teacher.epochs=5` -> ("teacher.epochs", 5); the value is read as YAML."""
    dotted, equals, value = text.partition("=")
    if not equals or not dotted.strip():
        raise CompressionError(f"--set {text!r} is no assignment\n  allowed: FIELD=VALUE, as in teacher.epochs=5")
    try:
        return dotted.strip(), _values().load(value)
    except (YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CompressionError(f"--set {shown(text)}: the value is not YAML: {error}") from None


def _values() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = bounds.BoundedParser
    return yaml


def _assign(attributes: CommentedMap, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    if len(parents) >= bounds.DEEPEST:
        raise CompressionError(f"--set {dotted[:60]}…: no field stands so deep\n  allowed: FIELD as in teacher.epochs")
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
