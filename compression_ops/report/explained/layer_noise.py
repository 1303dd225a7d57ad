"""Layer by layer, how much noise quantization added, and which layers to keep at a higher precision."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compression_ops import quantities
from compression_ops.onnx_model.layers import noise as layers
from compression_ops.onnx_model.layers.noise import LayerNoise, Noise
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

HEADS = ("Layer", "SQNR", "Adds", "Stored")


def of_report(report: Report) -> list[tuple[str, Noise]]:
    """(model, its noise) of each quantized student."""
    return [(model.name, model.noise) for model in report.models if model.noise is not None]


def of_content(content: Mapping[str, Any]) -> list[tuple[str, Noise]]:
    """The same, from `report.json`; reports of earlier versions tell nothing of it."""
    return [
        (name, Noise.from_fields(model["layer_noise"]))
        for name, model in content["models"].items()
        if model.get("layer_noise")
    ]


def sentences(noises: Iterable[tuple[str, Noise]]) -> list[tuple[str, str]]:
    """(model, which of its layers to keep at more bits); of one none of whose layers adds noise, that it is so."""
    return [(name, f"{layers.sentence(noise.layers) or _of_none(noise.layers)}.") for name, noise in noises]


def _of_none(noises: Sequence[LayerNoise]) -> str:
    exact = all(noise.decibels == math.inf for noise in noises)
    added = "No layer adds any noise" if exact else "No layer's output has more noise than its input"
    return f"{added}, so none asks for more bits"


def tables(noises: Iterable[tuple[str, Noise]]) -> list[Table]:
    """One a model."""
    return [
        table(f"Noise of the layers of {name}", noise.layers, noise.samples, "validation") for name, noise in noises
    ]


def table(title: str, noises: Sequence[LayerNoise], samples: int, split: str) -> Table:
    """A row a layer, over samples of a split."""
    rows = tuple(
        (noise.layer, decibels(noise), quantities.percent(noise.share, 0), noise.storage or quantities.MISSING)
        for noise in noises
    )
    note = (
        "SQNR: signal to quantization noise of the layer's output against the float model's, in decibels, over "
        f"{samples} {split} samples; 6 dB are one bit. Adds: its share of the noise that layers add (Lin et al. 2016)."
    )
    return Table(title, HEADS, rows, note)


def decibels(noise: LayerNoise) -> str:
    """`24.1 dB`; without any noise ∞."""
    if math.isinf(noise.decibels):
        return "∞ dB" if noise.decibels > 0 else "−∞ dB"
    return f"{noise.decibels:.1f} dB"
