"""Of quantized students whose bits were chosen layer by layer: why, the layers, and the models on the way."""

from compression_ops import quantities
from compression_ops.onnx_model.chosen_widths import ChosenWidths
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

LAYER_HEADS = ("Layer", "Shape", "Weights", "Bits", "Bytes", "Fewer lose")
STEP_HEADS = ("Step", "Bits of the layers", "Bytes of weights", "Bytes of the file", "Validation accuracy")
LAYERS_NOTE = (
    "S: sensitivity of a layer to so few bits, all others having 8: by how many thousandths of a nat a sample "
    "the outputs diverge further from the float ones. Fewer lose: points of validation accuracy that the chosen model "
    "would lose with fewer bits of this layer alone; a layer's bytes are rounded up where layers share them."
)
STEPS_NOTE = (
    "The models that the search went through, the chosen one marked. Bytes of weights are those of layers, without "
    "biases; a file holds scales and operators as well. The validation split chose, so that its accuracy flatters a "
    "little."
)


def sentences(report: Report) -> list[tuple[str, str]]:
    """(model, why it has its bits)."""
    return [(model.name, f"{model.widths.sentence}.") for model in report.models if model.widths is not None]


def tables(report: Report) -> list[Table]:
    """Two for each such model: its layers, and the way to it."""
    found: list[Table] = []
    for model in report.models:
        if model.widths is not None:
            heads = (*LAYER_HEADS, *(f"S at {bits} bits" for bits in widths(model.widths)))
            found.append(Table(f"Layers of {model.name}", heads, layers(model.widths), LAYERS_NOTE))
            found.append(Table(f"Bits of {model.name}, step by step", STEP_HEADS, steps(model.widths), STEPS_NOTE))
    return found


def widths(chosen: ChosenWidths) -> list[int]:
    """The bits that layers could have, fewer than 8, the most first."""
    return sorted({bits for layer in chosen.layers for bits in layer.sensitivity}, reverse=True)


def layers(chosen: ChosenWidths) -> tuple[tuple[str, ...], ...]:
    """One row a layer: cells of LAYER_HEADS, then its sensitivity to each of `widths`."""
    return tuple(
        (
            layer.name,
            "×".join(map(str, layer.shape)),
            quantities.count(layer.weights),
            str(layer.bits),
            quantities.count(layer.weight_bytes),
            _lost(layer.narrower_points),
            *(_thousandths(layer.sensitivity.get(bits)) for bits in widths(chosen)),
        )
        for layer in chosen.layers
    )


def steps(chosen: ChosenWidths) -> tuple[tuple[str, ...], ...]:
    """One row a model: cells of STEP_HEADS."""
    return tuple(
        (
            f"{number}, chosen" if step.is_chosen else str(number),
            " ".join(map(str, step.bits)),
            quantities.count(step.weight_bytes),
            quantities.count(step.file_bytes),
            quantities.percent(step.validation_accuracy, 2),
        )
        for number, step in enumerate(chosen.curve)
    )


def _lost(points: float | None) -> str:
    return quantities.MISSING if points is None else f"{points + 0.0:.2f}"


def _thousandths(value: float | None) -> str:
    return quantities.MISSING if value is None else f"{1000 * value + 0.0:.3g}"
