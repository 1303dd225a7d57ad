"""What warm-ups say against the length of the training that they begin."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml.comments import CommentedMap

from compression_ops.spec import Spec
from compression_ops.training.hyperparameters import Training
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe

_FIELD = "warmup_epochs"


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Stated ones, of learning rates and of losses, that are longer: what they lead to is never reached."""
    for where, stated, training in _longer(recipe):
        if _FIELD in stated.model_fields_set:
            path, line, value, _ = locate(attributes, (*where, _FIELD))
            allowed = f"at most {training.epochs}, the epochs of that training; or more epochs"
            yield Mistake(line, path, "longer than the training", shown(value), allowed)


def warnings(recipe: Recipe) -> list[str]:
    """One sentence for each that is longer by default, which is the paper's and for longer trainings."""
    return [
        f"{'.'.join(where)}: the warm-up of the loss {stated.type} is {stated.warmup_epochs} epochs by default, and the"
        f" training has {training.epochs}: the teacher's part never comes to its full weight. State a shorter {_FIELD},"
        " or more epochs"
        for where, stated, training in _longer(recipe)
        if _FIELD not in stated.model_fields_set
    ]


def _longer(recipe: Recipe) -> Iterator[tuple[tuple[str, ...], Any, Training]]:
    """(where it stands, whose field it is, the training) of each; a teacher without epochs has none."""
    for where, training in _trainings(recipe):
        loss = getattr(training, "loss", None)
        for place, stated in ((where, training), ((*where, "loss"), loss)):
            length = getattr(stated, _FIELD, None) if isinstance(stated, Spec) else None
            if isinstance(length, int | float) and 0 < training.epochs < length:
                yield place, stated, training


def _trainings(recipe: Recipe) -> Iterator[tuple[tuple[str, ...], Training]]:
    yield ("teacher",), recipe.teacher
    for name, student in recipe.students.items():
        yield ("students", name), student
    for name, quantized in recipe.quantized_students.items():
        if isinstance(quantized.method, Training):
            yield ("quantized_students", name, "method"), quantized.method
