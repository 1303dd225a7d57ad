"""Of quantized students whose bits, or whose layers on integers, were chosen layer by layer: why, the layers, and the
models on the way.
"""

from compression_ops import quantities
from compression_ops.onnx_model.chosen_widths import ChosenWidths
from compression_ops.onnx_model.layers.chosen_kernels import ChosenKernels
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

LAYER_HEADS = ("Layer", "Shape", "Weights", "Bits", "Bytes", "Fewer lose")
STEP_HEADS = ("Step", "Bits of the layers", "Bytes of weights", "Bytes of the file", "Validation accuracy")
LAYERS_NOTE = (
    "S: sensitivity of a layer to so few bits, all others having 8: by how many thousandths of a nat a sample "
    "the outputs diverge further from the float ones. Fewer lose: points of validation accuracy that the chosen model "
    "would lose with fewer bits of this layer alone; a layer's bytes are rounded up where layers share them."
)
KERNEL_HEADS = ("Layer", "Shape", "Weights", "Runs on", "The other way")
TIMED_HEADS = ("Model", "The layers", "Latency", "Validation accuracy")
KERNELS_NOTE = (
    "The other way: by how much a call takes longer if this layer alone changes between integers and float; less where "
    "the accuracy forbids it, or where the difference is a tie. A dash: not measured, or onnxruntime would quantize a "
    "layer that both reads and writes integers by itself."
)
TIMED_NOTE = (
    "Medians of calls measured in turn, on the processor that the sentence names; another one, or another run where "
    "models are nearly as fast, may choose otherwise."
)
STEPS_NOTE = (
    "The models that the search went through, the chosen one marked. Bytes of weights are those of layers, without "
    "biases; a file holds scales and operators as well. The validation split chose, so that its accuracy flatters a "
    "little."
)


def sentences(report: Report) -> list[tuple[str, str]]:
    """(model, why it has its bits, or its layers on integers)."""
    bits = [(model.name, f"{model.widths.sentence}.") for model in report.models if model.widths is not None]
    return bits + [(name, f"{chosen.sentence}.") for name, chosen in report.kernels.items()]


def tables(report: Report) -> list[Table]:
    """Two for each such model: its layers, and the way to it."""
    found: list[Table] = []
    for model in report.models:
        if model.widths is not None:
            heads = (*LAYER_HEADS, *(f"S at {bits} bits" for bits in widths(model.widths)))
            found.append(Table(f"Layers of {model.name}", heads, layers(model.widths), LAYERS_NOTE))
            found.append(Table(f"Bits of {model.name}, step by step", STEP_HEADS, steps(model.widths), STEPS_NOTE))
    for name, chosen in report.kernels.items():
        found.append(Table(f"Layers of {name}", KERNEL_HEADS, kernels(chosen), KERNELS_NOTE))
        found.append(Table(f"Latency of {name}, by its layers", TIMED_HEADS, timed(chosen), TIMED_NOTE))
    return found


def kernels(chosen: ChosenKernels) -> tuple[tuple[str, ...], ...]:
    """One row a layer: cells of KERNEL_HEADS."""
    return tuple(
        (
            layer.name,
            "×".join(map(str, layer.shape)),
            quantities.count(layer.weights),
            "integers" if layer.is_integer else "float",
            quantities.MISSING if layer.otherwise_us is None else f"{layer.otherwise_us:+.1f} µs",
        )
        for layer in chosen.layers
    )


def timed(chosen: ChosenKernels) -> tuple[tuple[str, ...], ...]:
    """One row a model: cells of TIMED_HEADS."""
    return tuple(
        (
            f"{model.name}, chosen" if model.is_chosen and model.name != "chosen" else model.name,
            " ".join("int" if is_integer else "float" for is_integer in model.integers),
            quantities.duration(model.latency_us),
            quantities.percent(model.validation_accuracy, 2),
        )
        for model in chosen.models
    )


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
