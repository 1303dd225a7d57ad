"""What a quantized student's precision says against itself, its opset and the gates."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from compression_ops.quantization.learned import trains
from compression_ops.quantization.methods.automatic import OF_LATENCY, Automatic
from compression_ops.quantization.precision import NEWEST_OPSET
from compression_ops.quantization.widths import WIDEST, chooses
from pipelines.recipe.error import Mistake, shown
from pipelines.recipe.location import locate
from pipelines.recipe.sections import QuantizedStudent, Recipe

_WIDE = 16


def mistakes(recipe: Recipe, attributes: CommentedMap) -> Iterator[Mistake]:
    """Those of each quantized student."""
    for name, quantized in recipe.quantized_students.items():
        here = ("quantized_students", name)
        if quantized.activation_bits == _WIDE:
            yield from _wide(recipe, attributes, here, quantized.opset)
        if "rounding_steps" in quantized.model_fields_set and quantized.rounding == "nearest":
            path, line, value, _ = locate(attributes, (*here, "rounding_steps"))
            yield Mistake(
                line, path, "useless", shown(value), "a field of `rounding: adaround`; `nearest` learns nothing"
            )
        if trains(quantized.method):
            yield from _learned_otherwise(quantized, attributes, here)
        if isinstance(quantized.method, Automatic) and not quantized.method.times:
            for field in sorted(quantized.method.model_fields_set.intersection(OF_LATENCY)):
                path, line, value, _ = locate(attributes, (*here, "method", field))
                yield Mistake(line, path, "useless", shown(value), "a field of `minimize: latency`; bytes take no time")
        if chooses(quantized.method) and quantized.weight_bits != WIDEST:
            path, line, value, _ = locate(attributes, (*here, "weight_bits"))
            allowed = (
                f"no `weight_bits`: the method {quantized.method.model_dump()['type']} chooses them; or no `method`"
            )
            yield Mistake(line, path, "contradicts the method", shown(value), allowed)


def _wide(recipe: Recipe, attributes: CommentedMap, here: tuple[str, str], opset: int) -> Iterator[Mistake]:
    if opset < NEWEST_OPSET:
        path, line, value, _ = locate(attributes, (*here, "opset"))
        problem = f"has no activations of {_WIDE} bits"
        yield Mistake(line, path, problem, shown(value), f"{NEWEST_OPSET}, or at most 8 activation_bits")
    if "min_integer_share" in recipe.gates.model_fields_set and recipe.gates.min_integer_share > 0:
        path, line, value, _ = locate(attributes, (*here, "activation_bits"))
        problem = f"runs in float, yet gates.min_integer_share is {recipe.gates.min_integer_share:g}"
        yield Mistake(line, path, problem, shown(value), "4 to 8, or a min_integer_share of 0")


def _learned_otherwise(
    quantized: QuantizedStudent, attributes: CommentedMap, here: tuple[str, str]
) -> Iterator[Mistake]:
    """A method that trains has learned weights and biases as they are rounded to the nearest integers."""
    method = quantized.method.model_dump()["type"]
    for field, is_asked, allowed in (
        ("rounding", quantized.rounding != "nearest", "`nearest`"),
        ("bias_correction", quantized.bias_correction, "`false`"),
    ):
        if is_asked:
            path, line, value, _ = locate(attributes, (*here, field))
            allowed = (
                f"{allowed} with the method {method}, which learns weights, biases and steps with that; or no `method`"
            )
            yield Mistake(line, path, "contradicts the method", shown(value), allowed)
