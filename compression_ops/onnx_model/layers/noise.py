"""The signal-to-quantization-noise ratio of each layer of a quantized model, and which to keep at more bits."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FACT = "layer_noise"  # where `quantization.json` keeps it
_MUCH = 0.5  # of the added noise: layers that bring so much together are those to keep at more bits
_DECIBEL_DIGITS, _SHARE_DIGITS = 2, 4  # what the last bits of float32 have no say in


@dataclass(frozen=True)
class LayerNoise:
    """A quantized layer.

    layer, operator  the name of its weight, and what it computes
    storage          how its weight is stored: `int8`, `packed in 3 bits`; None where nobody noted it
    decibels         10 log10 (Σ x² / Σ (x' - x)²) of its output; inf without any noise, -inf without any signal
    share            of the noise that all layers add, in [0, 1]: what its output has more than its input, each relative
                     to its signal; such ratios add up from layer to layer (Lin et al. 2016, "Fixed Point Quantization
                     of Deep Convolutional Networks"); 0 where that cannot be told, for want of a signal
    """

    layer: str
    operator: str
    storage: str | None
    decibels: float
    share: float


@dataclass(frozen=True)
class Noise:
    """Of a whole model: its layers in the order of computation, over how many samples of the validation split."""

    layers: tuple[LayerNoise, ...]
    samples: int

    def fields(self) -> dict[str, Any]:
        """In a form that JSON takes: what is not finite is a word."""
        return {"samples": self.samples, "layers": [_fields(layer) for layer in self.layers]}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Noise":
        """What `fields` gave, from JSON."""
        return cls(tuple(_from_fields(each) for each in fields["layers"]), fields["samples"])


def _fields(layer: LayerNoise) -> dict[str, Any]:
    decibels = round(layer.decibels, _DECIBEL_DIGITS) if math.isfinite(layer.decibels) else str(layer.decibels)
    return asdict(layer) | {"decibels": decibels, "share": round(layer.share, _SHARE_DIGITS)}


def _from_fields(fields: Mapping[str, Any]) -> LayerNoise:
    typed: dict[str, Any] = {**fields, "decibels": float(fields["decibels"])}
    return LayerNoise(**typed)


def of_folder(folder: Path) -> Noise | None:
    """What the artifact of a quantized student says of it; None where it has no such layer, or of another model."""
    file = folder / "quantization.json"
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8")).get(FACT)
    return None if found is None else Noise.from_fields(found)


def sentence(layers: Iterable[LayerNoise]) -> str | None:
    """Which layers lose most, and so are the first to keep at a higher precision, and of which it cannot be told; None
    where none adds any noise.
    """
    every = tuple(layers)
    untold = ", ".join(layer.layer for layer in every if layer.decibels == -math.inf)
    cannot = f"how much {untold} lost cannot be told, whose outputs are all 0 before quantization and not after"
    parts = [part for part in (_most_lost(every), cannot if untold else None) if part is not None]
    return "; ".join([parts[0][:1].upper() + parts[0][1:], *parts[1:]]) if parts else None


def _most_lost(layers: Iterable[LayerNoise]) -> str | None:
    ordered = sorted((layer for layer in layers if layer.share > 0), key=lambda layer: -layer.share)
    if not ordered:
        return None
    chosen: list[LayerNoise] = []
    for layer in ordered:
        if sum(each.share for each in chosen) >= _MUCH:
            break
        chosen.append(layer)
    told = ", ".join(f"{each.layer} ({100 * each.share:.0f} % of the added noise)" for each in chosen)
    return f"Most is lost in {told}: keep {'it' if len(chosen) == 1 else 'them'} at a higher precision first"
