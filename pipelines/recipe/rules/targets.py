"""What the targets of a quantized student say against each other and against its precision."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from compression_ops import target
from compression_ops.quantization.precision import Precision
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import QuantizedStudent, Recipe


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Those of each quantized student."""
    for name, quantized in recipe.quantized_students.items():
        student = ("quantized_students", name)
        here = (*student, "targets")
        yield from _repeated(quantized, attributes, here)
        for position, spec in enumerate(quantized.targets):
            for misfit in target.misfits(spec, quantized.part(Precision)):
                is_option = misfit.field in type(spec).model_fields
                where = (*here, position) if is_option else student
                path, line, value, _ = locate(attributes, (*where, misfit.field))
                beside = "for this quantized student" if is_option else f"with the target {target.word(spec)}"
                yield Mistake(line, path, f"not possible {beside}", shown(value), misfit.allowed)


def _repeated(quantized: QuantizedStudent, attributes: CommentedMap, here: tuple[str, ...]) -> Iterator[Mistake]:
    words = [target.word(spec) for spec in quantized.targets]
    for position, word in enumerate(words):
        if word in words[:position]:
            path, line, value, _ = locate(attributes, (*here, position))
            yield Mistake(line, path, "stands twice", shown(value), f"{word} once for each quantized student")
