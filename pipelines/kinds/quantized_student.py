"""The quantized students: integer ONNX models, of students or of their controls."""

from collections.abc import Iterator
from pathlib import Path

from compression_ops import implementations
from compression_ops.onnx_model import chosen_widths
from compression_ops.onnx_model.layers import chosen_kernels
from compression_ops.quantization.learned import trains
from compression_ops.quantization.widths import chooses, times
from compression_ops.spec import Spec
from compression_ops.stages.quantized_student import QuantizedStudent
from pipelines.graph.asset import Asset
from pipelines.kinds.gate import Evidence, Gate
from pipelines.kinds.kind import (
    Kind,
    Page,
    augmentation_code,
    from_seed,
    in_words,
    network_code,
    repeats,
    seeds,
    thresholds,
)
from pipelines.recipe.sections import Recipe
from pipelines.state.materialization import Check, Materialization

_NUMBERS = (
    "validation_accuracy",
    "float_validation_accuracy",
    "accuracy_drop_points",
    "largest_logit_change",
    "file_bytes",
    "float_file_bytes",
    "compression",
    "export_error",
    "integer_share",
    "calibration_samples",
)


_OF_CHOICE = ("mean_weight_bits", "layer_weight_bytes", "layer_weight_bytes_at_8_bits", "models_tried")
_OF_TIMING = ("latency_us", "float_latency_us", "integer_layers", "models_tried")
_OF_TRAINING = ("simulated_validation_accuracy", "simulation_error", "best_epoch")


def _numbers(asset: Asset) -> tuple[str, ...]:
    """What its stage tells; one whose method trains, or chooses bits, tells of that, too."""
    assert isinstance(asset.parameters, QuantizedStudent)
    method = asset.parameters.method
    chosen = _OF_TIMING if times(method) else _OF_CHOICE if chooses(method) else ()
    return (*_NUMBERS, *(_OF_TRAINING if trains(method) else ()), *chosen)


def assets(recipe: Recipe) -> Iterator[Asset]:
    """One for each of the recipe's `quantized_students` and each seed of its student."""
    for name, stated in recipe.quantized_students.items():
        student = recipe.students[stated.student_name]
        learns = trains(stated.method)
        parameters = stated.part(QuantizedStudent, metric=recipe.metric if learns else None)
        lessons = (recipe.soft_labels_of(student.teacher), *seeds(recipe)) if learns else ()
        sources = repeats(stated.source, student.seeds)
        for (asset, further), (source, _) in zip(
            repeats(f"quantized_student/{name}", student.seeds), sources, strict=True
        ):
            yield Asset(
                name=asset,
                kind="quantized_student",
                parameters=from_seed(parameters, further) if learns else parameters,
                inputs=("dataset", *lessons, source),
                origins={"": f"quantized_students.{name}", "metric": "metric"},
                code=(
                    *network_code(student.architecture),
                    implementations.module_name(stated.calibration),
                    implementations.module_name(stated.method),
                    *(_lessons_code(recipe, stated.method) if learns else ()),
                ),
                gates=thresholds(recipe, "gates.max_export_error", "gates.min_integer_share"),
                is_heavy=learns or times(stated.method),
                is_timed=times(stated.method),
                is_repeated=bool(further),
            )


def _lessons_code(recipe: Recipe, method: Spec) -> tuple[str, ...]:
    """Of the loss that a method learns by, if it says one, and of the views that it sees."""
    loss = getattr(method, "loss", None)
    chosen = (implementations.module_name(loss),) if isinstance(loss, Spec) else ()
    return (*chosen, *augmentation_code(recipe.soft_labels.augmentation))


def gates(asset: Asset) -> Iterator[Gate]:
    """Two that keep it from being promoted."""
    parity = "The ONNX export computes what the torch model computes."
    yield Gate("onnx_parity", parity, onnx_parity, decides=True)
    kernels = "onnxruntime's optimized session runs in integers."
    yield Gate("integer_kernels", kernels, integer_kernels, decides=True)


def onnx_parity(gate: Gate, evidence: Evidence) -> Check:
    """The export against the torch model, before quantization."""
    text = "The largest difference of a logit is {}"
    return gate.at_most(evidence, "gates.max_export_error", text, evidence.metrics["export_error"])


def integer_kernels(gate: Gate, evidence: Evidence) -> Check:
    """What share of the computing nodes is integer."""
    text = "Of the computing nodes a share of {} runs in integers"
    return gate.at_least(evidence, "gates.min_integer_share", text, evidence.metrics["integer_share"])


def headline(entry: Materialization) -> str:
    """Its accuracy, beside that of the float model, or the bits or the latency that were chosen."""
    found = entry.metrics
    second = next(name for name in ("latency_us", "mean_weight_bits", "float_validation_accuracy") if name in found)
    return in_words({name: found[name] for name in ("validation_accuracy", second)}, 2)


def page(folder: Path, entry: Materialization) -> Page:
    """Its numbers; where bits, or layers on integers, were chosen, which and why."""
    timed, chosen = chosen_kernels.of_folder(folder), chosen_widths.of_folder(folder)
    if timed is not None:
        kernels = [
            {"layer": each.name, "bits": timed.bits[each.name], "weights": each.weights} for each in timed.layers
        ]
        return Page({"layers": timed.sentence}, entry.metrics, kernels)
    if chosen is None:
        return Page(numbers=entry.metrics)
    rows = [
        {"layer": layer.name, "bits": layer.bits, "weights": layer.weights, "bytes": layer.weight_bytes}
        for layer in chosen.layers
    ]
    return Page({"bits": chosen.sentence}, entry.metrics, rows)


KIND = Kind(
    description="A student or a control as an integer ONNX model: batch norm folded, calibrated or trained on.",
    badges=("onnx", "quantized"),
    assets=assets,
    gates=gates,
    headline=headline,
    page=page,
    is_model=True,
    searchable=_numbers,
    profiled="sessions",
    on_device=True,
)
