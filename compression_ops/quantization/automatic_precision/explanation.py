"""The choice of bits in a sentence."""

from collections.abc import Sequence

from compression_ops import quantities
from compression_ops.onnx_model.chosen_widths import LayerWidth, Step

_FEW = 4


def sentence(layers: Sequence[LayerWidth], first: Step, chosen: Step, accuracy: float, bound: float) -> str:
    """Which layer keeps most bits and why, how many have few, and what that saves and costs.

    first     the model with 8 bits everywhere
    accuracy  of the float model on the validation split, in [0, 1]
    bound     how many points of it may be lost
    """
    points = 100 * (accuracy - chosen.validation_accuracy)
    saved = (
        f"{quantities.count(chosen.weight_bytes)} instead of {quantities.count(first.weight_bytes)} bytes of weights"
        if chosen.weight_bytes < first.weight_bytes
        else f"{quantities.count(chosen.weight_bytes)} bytes of weights"
    )
    few = sum(layer.bits <= _FEW for layer in layers)
    how_many = f"{few} of {len(layers)} layers {'has' if few == 1 else 'have'} {_FEW} bits or fewer"
    return f"{_widest(layers, bound)}; {how_many}: {saved} for {_points(points)} of validation accuracy"


def _widest(layers: Sequence[LayerWidth], bound: float) -> str:
    widest = max(layers, key=lambda layer: (layer.bits, layer.weights))
    kept = f"{widest.name} keeps {widest.bits} bits"
    if widest.narrower_points is None:
        return kept if len({layer.bits for layer in layers}) > 1 else f"all layers have {widest.bits} bits"
    if widest.narrower_points > bound:
        return f"{kept}, since fewer would lose {_points(widest.narrower_points)}, where {bound:g} may be lost"
    return f"{kept}, since fewer would make the file no smaller"


def _points(points: float) -> str:
    return f"{points + 0.0:.2f} points"
