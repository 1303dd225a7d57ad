"""A comparison as one HTML page that needs nothing but itself: flipped samples, images drawn, with both answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from numpy.typing import NDArray

from compression_ops.data.modalities.modality import Modality
from compression_ops.evaluation.comparison.comparison import Comparison
from compression_ops.evaluation.comparison.flips import Flip
from compression_ops.metric import Metric
from compression_ops.onnx_model.layers import noise
from compression_ops.onnx_model.layers.noise import LayerNoise
from compression_ops.report.comparison import cards, tables

DRAWN = 100  # flipped samples; more would make a page that no browser likes
_CLASSES = 1000
_TEMPLATE = "templates/comparison.html"

# By (sample, 0 for A or 1 for B): float [C, H, W], what each pixel of a sample says for the model's answer.
Attributions = Mapping[tuple[int, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Contents:
    """All that a page shows.

    origins       of A and of B: what it is, in words
    samples       raw, of each flipped sample that is shown, by its index: uint8 [C, H, W] of an image
    modality      what they are
    layers        of a quantized model against its float one, over `layer_samples`; else ()
    notes, warnings   sentences
    """

    comparison: Comparison
    metric: Metric
    origins: tuple[str, str]
    samples: Mapping[int, NDArray[Any]]
    modality: Modality
    layers: Sequence[LayerNoise] = ()
    layer_samples: int = 0
    attributions: Attributions = field(default_factory=dict)
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


def page(contents: Contents) -> str:
    """The page, from `templates/comparison.html`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    comparison, layers = contents.comparison, contents.layers
    shown = [tables.measures(comparison, contents.metric)]
    if comparison.class_changes:
        shown.append(tables.classes(comparison, _CLASSES))
    if layers:
        shown.append(tables.layers(layers, contents.layer_samples))
    drawn = [flip for flip in comparison.flips if flip.sample in contents.samples]
    flips = [_card(contents, flip) for flip in drawn]
    return environment.get_template(_TEMPLATE).render(
        models=[(comparison.first.name, contents.origins[0]), (comparison.second.name, contents.origins[1])],
        sentences=[*tables.sentences(comparison, contents.metric), *_layer_sentence(layers)],
        warnings=contents.warnings,
        notes=contents.notes,
        flips=flips,
        guide=cards.guide(flips),
        left_out=len(comparison.flips) - len(drawn),
        tables=shown,
    )


def _layer_sentence(layers: Sequence[LayerNoise]) -> list[str]:
    sentence = noise.sentence(layers)
    return [f"{sentence}."] if sentence else []


def _card(contents: Contents, flip: Flip) -> dict[str, object]:
    sample = contents.samples[flip.sample]
    maps = [contents.attributions.get((flip.sample, model)) for model in (0, 1)]
    modality = contents.modality
    return cards.card(flip, contents.comparison.classes, modality.shown(sample), modality.picture(sample), maps)
