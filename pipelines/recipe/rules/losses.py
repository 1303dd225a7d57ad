"""What the losses of students, and of quantized students that learn, say against the rest of a recipe."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml.comments import CommentedMap

from compression_ops.training.hyperparameters import Training
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Those of each that learns by a loss."""
    learning = _learning(recipe)
    learners: dict[tuple[str, ...], Any] = {("students", name): each for name, each in recipe.students.items()}
    for where, learner in (learners | learning).items():
        yield from _weighs_in_vain(learner, attributes, where)
        yield from _weighs_nothing(learner.loss, attributes, where)
    for where, method in learning.items():
        yield from _learns_beside_nobody(method, attributes, where)


def _learning(recipe: Recipe) -> dict[tuple[str, ...], Any]:
    """The methods of quantized students that train by a loss of distillation, by where they stand."""
    methods = {("quantized_students", name, "method"): each.method for name, each in recipe.quantized_students.items()}
    return {
        where: method for where, method in methods.items() if isinstance(method, Training) and hasattr(method, "loss")
    }


def _weighs_in_vain(learner: Any, attributes: CommentedMap, where: tuple[str, ...]) -> Iterator[Mistake]:
    if learner.class_weights != "uniform" and not getattr(learner.loss, "weighs_classes", False):
        path, line, value, _ = locate(attributes, (*where, "class_weights"))
        allowed = f"`uniform` with the loss {learner.loss.type}, which weighs no classes"
        yield Mistake(line, path, "useless", shown(value), allowed)


def _weighs_nothing(loss: Any, attributes: CommentedMap, where: tuple[str, ...]) -> Iterator[Mistake]:
    """A sum whose every part has the weight 0 is the constant 0, of which nothing is learned."""
    names = getattr(loss, "weighted_by", ())
    if names and all(getattr(loss, name, None) == 0 for name in names):
        path, line, _, _ = locate(attributes, (*where, "loss"))
        *first, last = names
        told = f"{', '.join(first)} and {last}" if first else last
        allowed = f"more than 0 of at least one of {told}" if first else f"a {told} of more than 0"
        yield Mistake(line, path, "nothing is learned from a loss that is always 0", f"{told} of 0", allowed)


def _learns_beside_nobody(method: Any, attributes: CommentedMap, where: tuple[str, ...]) -> Iterator[Mistake]:
    """A quantized student learns from stored soft labels: no teacher runs beside it."""
    if getattr(method.loss, "needs_teacher", False):
        path, line, value, _ = locate(attributes, (*where, "loss", "type"))
        allowed = "a loss on stored soft labels, such as kd: no teacher runs beside a quantized student"
        yield Mistake(line, path, "needs the teacher", shown(value), allowed)
