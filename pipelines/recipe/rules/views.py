"""What a recipe says of its views against the rest of it."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Views that are all the same, or whose mixed labels a student's loss cannot read."""
    augmentation = recipe.soft_labels.augmentation
    if recipe.soft_labels.views > 1 and (augmentation is None or not augmentation.chosen()):
        path, line, value, _ = locate(attributes, ("soft_labels", "views"))
        allowed = "1 without an `augmentation`, since all views would be the same"
        yield Mistake(line, path, "useless", shown(value), allowed)
    mixing = [] if augmentation is None else augmentation.mixing()
    learners = {f"students.{name}": student.loss for name, student in recipe.students.items()}
    for name, quantized in recipe.quantized_students.items():
        if (loss := getattr(quantized.method, "loss", None)) is not None:
            learners[f"quantized_students.{name}"] = loss
    for name, loss in learners.items():
        if mixing and not getattr(loss, "takes_mixed_labels", False):
            path, line, value, _ = locate(attributes, ("soft_labels", "augmentation", mixing[0]))
            allowed = f"nothing with the loss {loss.type} of {name}, which takes no mixed labels"
            yield Mistake(line, path, "mixes labels", shown(value), allowed)
