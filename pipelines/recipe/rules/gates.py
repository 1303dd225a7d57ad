"""Gates that a recipe states and that nothing of it would be asked."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import Gates, Recipe

_OF_QUANTIZED = ("max_export_error", "min_integer_share", "max_latency_us")


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Of those that are set to something else than their default."""
    has_control = any(student.control for student in recipe.students.values())
    unasked = [] if has_control else [("min_distillation_gain", "a student with `control: true`")]
    if not recipe.quantized_students:
        unasked += [(gate, "a quantized student") for gate in _OF_QUANTIZED]
    for gate, subject in unasked:
        if getattr(recipe.gates, gate) != Gates.model_fields[gate].default:
            path, line, value, _ = locate(attributes, ("gates", gate))
            yield Mistake(
                line, path, "asked of nothing", shown(value), f"{subject}, which is what it asks of; or no such gate"
            )
