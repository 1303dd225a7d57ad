"""How many bits the weights of each layer of a model were given, and what was found on the way there."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FACT = "chosen_widths"  # where `quantization.json` keeps it


@dataclass(frozen=True)
class LayerWidth:
    """One layer, known by the name of its weight.

    bits             of each of its weights
    weight_bytes     as they are stored; where several layers of a width share bytes, rounded up
    sensitivity      by bits: by how much the outputs of the model diverge from the float ones, in nats a sample, when
                     this layer alone has so few and all others 8, less what they diverge with 8 bits everywhere
    narrower_points  accuracy on validation that the chosen model would lose against the float one, in points, if this
                     layer alone had the next fewer bits; None where it has the fewest, or nobody tried
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    bits: int
    weight_bytes: int
    sensitivity: Mapping[int, float]
    narrower_points: float | None


@dataclass(frozen=True)
class Step:
    """One model on the way.

    bits                 of each layer
    weight_bytes         of the layers' weights, as stored
    validation_accuracy  in [0, 1]
    """

    bits: tuple[int, ...]
    weight_bytes: int
    file_bytes: int
    validation_accuracy: float
    is_chosen: bool


@dataclass(frozen=True)
class ChosenWidths:
    """All of it.

    layers      in the order of computation
    curve       the models on the way, in order: from 8 bits everywhere beyond what may be lost, then, from the smallest
                of these that does not lose more, one step after another that does not either
    models      how many were run on the validation split
    complete    whether no further step was left to try; False where `max_models` ended the search
    sentence    why these
    """

    layers: tuple[LayerWidth, ...]
    curve: tuple[Step, ...]
    float_validation_accuracy: float
    max_accuracy_drop: float
    models: int
    complete: bool
    sentence: str

    @property
    def chosen(self) -> Step:
        """The model that was chosen."""
        return next(step for step in self.curve if step.is_chosen)

    @property
    def bits(self) -> dict[str, int]:
        """Of each layer."""
        return {layer.name: layer.bits for layer in self.layers}

    @property
    def mean_bits(self) -> float:
        """Of a weight."""
        return sum(layer.bits * layer.weights for layer in self.layers) / sum(layer.weights for layer in self.layers)

    def fields(self) -> dict[str, Any]:
        """In a form that JSON takes."""
        layers = [asdict(layer) | {"sensitivity": _texts(layer.sensitivity)} for layer in self.layers]
        return asdict(self) | {"layers": layers}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ChosenWidths":
        """What `fields` gave, from JSON."""
        layers = tuple(
            LayerWidth(**_with(each, shape=tuple(each["shape"]), sensitivity=_by_bits(each["sensitivity"])))
            for each in fields["layers"]
        )
        curve = tuple(Step(**_with(step, bits=tuple(step["bits"]))) for step in fields["curve"])
        return cls(**_with(fields, layers=layers, curve=curve))


def _with(fields: Mapping[str, Any], **typed: Any) -> dict[str, Any]:
    return {**fields, **typed}


def _by_bits(values: Mapping[str, float]) -> dict[int, float]:
    return {int(bits): value for bits, value in values.items()}


def _texts(values: Mapping[int, float]) -> dict[str, float]:
    return {str(bits): value for bits, value in values.items()}


def of_folder(folder: Path) -> ChosenWidths | None:
    """What the artifact of a quantized student says of it; None where nobody chose, or of another model."""
    file = folder / "quantization.json"
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8")).get(FACT)
    return None if found is None else ChosenWidths.from_fields(found)
