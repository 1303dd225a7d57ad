"""What a recipe says of a teacher that exists already, against what it says of its training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from compression_ops import implementations
from compression_ops.implementations import ONNX
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe

_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Of the teacher's weights, epochs and architecture, and of students that only run."""
    teacher = recipe.teacher

    def at(field: str, problem: str, allowed: str, found: Any = None) -> Mistake:
        path, line, value, _ = locate(attributes, ("teacher", field))
        return Mistake(line, path, problem, shown(value) if found is None else found, allowed)

    if teacher.weights is None:
        if teacher.epochs == 0:
            yield at("epochs", "out of range", "a whole number, at least 1; 0 with trained `weights` only")
        if teacher.freeze != "nothing":
            yield at("freeze", "useless", "`nothing` without trained `weights`")
    if teacher.epochs > 0 and "learning_rate" not in teacher.model_fields_set:
        path, line, _, parent = locate(attributes, ("teacher", "learning_rate"))
        present = f"a map with the keys {', '.join(map(str, parent))}" if parent else "an empty map"
        yield Mistake(
            line, path, "missing", present, "a number, more than 0, at most 100; without epochs none is needed"
        )
    yield from _of_weights(recipe, attributes)
    if teacher.ensemble is not None and teacher.weights is not None:
        nothing = "nothing: {}, so that all members would be one network"
        if teacher.epochs == 0:
            yield at("ensemble", "useless", nothing.format("without epochs trained `weights` are taken as they are"))
        elif teacher.freeze != "nothing":
            yield at("ensemble", "useless", nothing.format(f"`freeze: {teacher.freeze}` keeps the trained `weights`"))
    if teacher.architecture == ONNX and teacher.epochs > 0:
        yield at("epochs", "not allowed", "0: the network of an ONNX file runs, and does not learn")
    for name, student in recipe.students.items():
        if student.architecture == ONNX:
            path, line, value, _ = locate(attributes, ("students", name, "architecture"))
            yield Mistake(line, path, "not allowed", shown(value), "a network that learns: `onnx` is for a teacher")


def _of_weights(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    teacher = recipe.teacher
    path, line, value, _ = locate(attributes, ("teacher", "weights"))
    is_onnx = teacher.architecture == ONNX
    if teacher.weights is None:
        if is_onnx:
            yield Mistake(line, path, "missing", "architecture: onnx", "the .onnx file of the teacher")
        return
    if teacher.is_published:
        library = teacher.architecture.partition(":")[0].partition(".")[0]
        if not implementations.is_published(teacher.architecture) or library != teacher.weights:
            prefix = "torchvision.models" if teacher.weights == "torchvision" else "timm"
            allowed = f"an architecture {prefix}:<name>, whose weights it publishes; or a file"
            yield Mistake(line, path, "publishes no such network", shown(value), allowed)
        return
    allowed = (".onnx",) if is_onnx else _SUFFIXES
    if Path(teacher.weights).suffix.lower() not in allowed:
        words = f"a file that ends in {', '.join(allowed)}; or `torchvision` or `timm`"
        words += "" if is_onnx else "; an .onnx file with `architecture: onnx`"
        yield Mistake(line, path, "not a file of weights", shown(value), words)
