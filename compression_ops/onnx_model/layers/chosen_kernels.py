"""Which layers of a model run on integers, where that was chosen by latency, and what was measured on the way there.

It differs between machines, and between runs on one, so it lies in a file that is no part of an artifact's content.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = "latencies.json"
FLOAT, INTEGER = 32, 8  # bits of a weight


@dataclass(frozen=True)
class LayerKernel:
    """One layer, known by the name of its weight.

    is_integer     whether it runs on integers
    otherwise_us   by how many microseconds a call takes longer when this layer alone is changed; negative where it is
                   faster, since the accuracy forbids it or noise hides it; None where nobody measured it
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    is_integer: bool
    otherwise_us: float | None


@dataclass(frozen=True)
class Timed:
    """One model on the way.

    name                 what it is: `float`, `8 bits everywhere`
    integers             of each layer, whether it runs on integers
    latency_us           median time of a call
    validation_accuracy  in [0, 1]; None where it was not asked for
    """

    name: str
    integers: tuple[bool, ...]
    latency_us: float
    validation_accuracy: float | None
    is_chosen: bool


@dataclass(frozen=True)
class ChosenKernels:
    """All of it.

    layers       in the order of computation
    models       in order: the float one, that of 8 bits everywhere, the fastest that loses no more than may be, and the
                 chosen one, which ties with it
    min_gain     what less is a tie, in percent of the float model's latency
    processor    on which it was measured;  onnxruntime: with which
    tried        how many models were measured
    complete     whether the search came to its end; False where `max_models` ended it
    sentence     why these
    """

    layers: tuple[LayerKernel, ...]
    models: tuple[Timed, ...]
    float_validation_accuracy: float
    max_accuracy_drop: float
    batch_size: int
    min_gain: float
    processor: str
    onnxruntime: str
    tried: int
    complete: bool
    sentence: str

    @property
    def chosen(self) -> Timed:
        """The model that was chosen."""
        return next(model for model in self.models if model.is_chosen)

    @property
    def bits(self) -> dict[str, int]:
        """Of each layer."""
        return {layer.name: INTEGER if layer.is_integer else FLOAT for layer in self.layers}

    def numbers(self) -> dict[str, float]:
        """Median latencies of a call, and how many layers run on integers; `models_tried`: that were timed."""
        return {
            "latency_us": self.chosen.latency_us,
            "float_latency_us": self.models[0].latency_us,
            "integer_layers": float(sum(layer.is_integer for layer in self.layers)),
            "models_tried": float(self.tried),
        }

    def fields(self) -> dict[str, Any]:
        """In a form that JSON takes."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ChosenKernels":
        """What `fields` gave, from JSON."""
        layers = tuple(LayerKernel(**_with(each, shape=tuple(each["shape"]))) for each in fields["layers"])
        models = tuple(Timed(**_with(each, integers=tuple(each["integers"]))) for each in fields["models"])
        return cls(**_with(fields, layers=layers, models=models))


def _with(fields: Mapping[str, Any], **typed: Any) -> dict[str, Any]:
    return {**fields, **typed}


def of_folder(folder: Path) -> ChosenKernels | None:
    """What the artifact of a quantized student says of it; None where nobody chose so, or of another model."""
    file = folder / FILE
    return ChosenKernels.from_fields(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
