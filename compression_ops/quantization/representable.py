"""Which tensors so few bits cannot stand for: the nodes that compute or read them stay float.

A mask of -1e9 before a softmax, or one huge value, makes the steps of a tensor so wide that nearly all of it becomes 0;
infinities, as of a padding that no maximum takes, have no step at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from compression_ops.quantization import activations
from compression_ops.quantization.affine import Affine, fake_quantize
from compression_ops.quantization.mapping import QuantizationMapping, indices

_SAMPLES = 32
_CONSTANT_BITS = 8
# A value is lost where it changes by half of itself, as what becomes 0 does; a tensor, where more than half of its
# values that are not 0 are (with 256 steps over ten standard deviations it is 2 % of them), or where the mean change
# is more than half of the mean deviation from the mean, as of small values on a large offset.
_LOST = 0.5


def restrict(
    mapping: QuantizationMapping, model: onnx.ModelProto, inputs: np.ndarray
) -> tuple[QuantizationMapping, tuple[str, ...]]:
    """The mapping of the tensors whose values it keeps, and those of which it keeps none, in the order of computation.

    model   the float model
    inputs  float32 [N, ...], of which at most 32, evenly spaced, are run

    Weights of products stay mapped whatever they lose, since their bits were asked for.
    """
    chosen = inputs[:: -(-len(inputs) // _SAMPLES) or 1]
    (batch,) = activations.replay(model, chosen, max(len(chosen), 1))() if len(chosen) else ({},)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    left = (*_lost(mapping.weights, constants), *_lost(mapping.activations, batch))
    mapped = mapping.activations.keys() | indices(model.graph)
    infinite = [name for name in batch if name not in mapped]
    return (
        replace(mapping, weights=_without(mapping.weights, left), activations=_without(mapping.activations, left)),
        tuple(name for name in (*constants, *batch) if name in {*left, *infinite}),
    )


def warnings(model: onnx.ModelProto, left: tuple[str, ...], activation_bits: int) -> tuple[str, ...]:
    """At most one sentence, on the tensors of `model` that `restrict` left float; of its constants all have 8 bits."""
    if not left:
        return ()
    first = activations.told(model, left[0])
    bits = _CONSTANT_BITS if left[0] in {tensor.name for tensor in model.graph.initializer} else activation_bits
    others = f", and {len(left) - 1} more," if len(left) > 1 else ""
    return (
        f"{first}{others} stays float with the nodes around it: it holds infinities, or values so far apart that "
        f"{2**bits} steps make most of the smaller ones 0. A smaller constant in a mask, or a clamp, brings it into "
        "reach",
    )


def _lost(affines: Mapping[str, Affine], values: Mapping[str, np.ndarray]) -> Iterator[str]:
    for name, affine in affines.items():
        # Weights of products are symmetric, and alone hold negative integers.
        if name in values and affine.integers.low == 0 and _is_lost(torch.from_numpy(np.array(values[name])), affine):
            yield name


def _is_lost(values: Tensor, affine: Affine) -> bool:
    change = (fake_quantize(values, affine) - values).abs().double()
    deviation = (values.double() - values.double().mean()).abs()
    vanished = (change >= _LOST * values.abs())[values != 0].double().mean()
    return bool((vanished > _LOST) | (change.mean() > _LOST * deviation.mean()))


def _without(affines: Mapping[str, Affine], names: tuple[str, ...]) -> dict[str, Affine]:
    return {name: affine for name, affine in affines.items() if name not in names}
