"""A comparison as one HTML page that needs nothing but itself: flipped samples as pictures, with both answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.data.modalities.images import Images
from compression_ops.data.modalities.modality import Modality
from compression_ops.evaluation.comparison.comparison import Answer, Comparison, Flip
from compression_ops.metric import Metric
from compression_ops.quantization.layer_noise import signal_to_noise
from compression_ops.quantization.layer_noise.signal_to_noise import LayerNoise
from compression_ops.report.comparison import pictures, tables

DRAWN = 100  # flipped samples; more would make a page that no browser likes
_BARS = 5  # classes a sample
_CLASSES = 1000
_TEMPLATE = "comparison.html"

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
    modality: Modality = field(default_factory=Images)
    layers: Sequence[LayerNoise] = ()
    layer_samples: int = 0
    attributions: Attributions = field(default_factory=dict)
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


def page(contents: Contents) -> str:
    """The page, from `templates/comparison.html`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
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
    return environment.get_template(_TEMPLATE).render(
        models=[(comparison.first.name, contents.origins[0]), (comparison.second.name, contents.origins[1])],
        sentences=[*tables.sentences(comparison, contents.metric), *_layer_sentence(layers)],
        warnings=contents.warnings,
        notes=contents.notes,
        flips=[_flip(contents, flip) for flip in drawn],
        left_out=len(comparison.flips) - len(drawn),
        tables=shown,
    )


def _layer_sentence(layers: Sequence[LayerNoise]) -> list[str]:
    sentence = signal_to_noise.sentence(layers)
    return [f"{sentence}."] if sentence else []


def _flip(contents: Contents, flip: Flip) -> dict[str, object]:
    """What a card shows: the sample, what it is, and the likeliest classes of both models with their probabilities."""
    classes = contents.comparison.classes
    likely = [_likeliest(answer) for answer in (flip.first, flip.second)]
    named = list(dict.fromkeys([flip.label, flip.first.predicted, flip.second.predicted, *likely[0], *likely[1]]))
    bars = [
        (
            classes[label],
            [
                (100 * share, quantities.percent(share))
                for share in (flip.first.probabilities[label], flip.second.probabilities[label])
            ],
        )
        for label in named[:_BARS]
    ]
    maps = [
        (name, pictures.attributions(contents.attributions[flip.sample, model]))
        for model, name in enumerate("AB")
        if (flip.sample, model) in contents.attributions
    ]
    sample = contents.samples[flip.sample]
    return {
        "sample": flip.sample,
        "effect": flip.effect,
        "label": classes[flip.label],
        "answers": [classes[answer.predicted] for answer in (flip.first, flip.second)],
        "image": pictures.sample(sample) if isinstance(contents.modality, Images) else None,
        "words": contents.modality.shown(sample),
        "maps": maps,
        "bars": bars,
    }


def _likeliest(answer: Answer) -> list[int]:
    return np.argsort(-np.array(answer.probabilities), kind="stable")[:_BARS].tolist()
