"""Learned rounding: each weight up or down, as the layer's output on calibration samples asks.

AdaRound, Nagel et al. 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization", eq. 21 to 25; by layer

    min over V of  ||W x - W' x'||² + lambda sum (1 - |2 h(V) - 1|^beta),    W' = s clamp(floor(W / s) + h(V))

with the rectified sigmoid h(V) = clamp(1.2 sigmoid(V) - 0.1, 0, 1), x the float layer's input and x' what the quantized
layers before it give. beta falls from 20 to 2, after a fifth of the steps without the second term.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from compression_ops.quantization import affine
from compression_ops.quantization.affine import Affine
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.post_training import fake_quantization

_WEIGHT, _WARM, _BETA = 0.01, 0.2, (20.0, 2.0)
_LEARNING_RATE, _BATCH = 1e-2, 32
_VALUES = 16_000_000  # of a layer's inputs that are in memory: fewer samples of a large layer

Layer = Callable[[Tensor, Tensor], Tensor]


def rounded(
    model: onnx.ModelProto, mapping: QuantizationMapping, inputs: np.ndarray, steps: int, seed: int = 0
) -> QuantizationMapping:
    """`mapping` with learned integers for the weights of convolutions and linear layers: next to the float value.

    inputs  float32 [N, ...], the calibration samples
    steps   of Adam for each layer

    Convolutions of another rank than 1 and 2 keep their nearest integers, and so does what learning does not improve.
    """
    floats = {tensor.name: tensor for tensor in model.graph.initializer}
    for node, name in fake_quantization.products(model, mapping):
        weight = torch.from_numpy(numpy_helper.to_array(floats[name]).copy())
        layer = layer_function(node, weight.dim() - 2)
        if layer is None:
            continue
        inner, output = node.input[0], node.output[0]
        few = inputs[: max(1, _VALUES // max(1, _size(model, inner, output, inputs)))]
        before = fake_quantization.values(model, [inner], few)[inner]
        quantized = fake_quantization.simulated(model, mapping)
        reads = next(each for each in quantized.graph.node if output in each.output).input[0]
        seen = fake_quantization.values(quantized, [reads], few)[reads]
        target = layer(torch.from_numpy(before), weight)
        found = learned(layer, weight, mapping.weights[name], torch.from_numpy(seen), target, steps, seed)
        mapping = replace(mapping, rounded={**mapping.rounded, name: found})
    return mapping


def learned(
    layer: Layer, weight: Tensor, scale: Affine, inputs: Tensor, target: Tensor, steps: int, seed: int
) -> Tensor:
    """int32 of the shape of `weight`: one of the two integers next to each, so that `layer` of `inputs` is `target`."""
    step = affine.widened(scale, weight)
    low, high = scale.integers.low, scale.integers.high
    floor = (weight / step).floor()
    share = (weight / step - floor).clamp(0, 1)
    v = (-torch.log(1.2 / (share + 0.1) - 1)).requires_grad_()
    optimizer = torch.optim.Adam([v], lr=_LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    for index in range(steps):
        rows = torch.randint(len(inputs), (min(_BATCH, len(inputs)),), generator=generator)
        h = _rectified(v)
        difference = layer(inputs[rows], (floor + h).clamp(low, high) * step) - target[rows]
        loss = difference.square().sum(1).mean()
        done = (index / steps - _WARM) / (1 - _WARM)
        if done >= 0:
            beta = _BETA[0] + (_BETA[1] - _BETA[0]) * done
            loss = loss + _WEIGHT * (1 - (2 * h - 1).abs().pow(beta)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    chosen = (floor + (_rectified(v.detach()) >= 0.5)).clamp(low, high).to(torch.int32)
    nearest = affine.quantize(weight, scale)
    errors = [float((layer(inputs, each * step) - target).square().mean()) for each in (chosen, nearest)]
    return chosen if errors[0] < errors[1] else nearest


def layer_function(node: onnx.NodeProto, rank: int) -> Layer | None:
    """A Conv over `rank` axes, one or two, or a Gemm, without its bias: (input, weight) -> output."""
    given: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Gemm":
        return nn.functional.linear if given.get("transB", 0) else lambda x, w: x @ w
    convolution: Any = {1: nn.functional.conv1d, 2: nn.functional.conv2d}.get(rank)
    if convolution is None or given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    pads = given.get("pads", [0] * (2 * rank))
    # torch pads the last axis first, each at its begin and its end.
    around = [pads[axis + end] for axis in reversed(range(rank)) for end in (0, rank)]
    settings = {"stride": given.get("strides", 1), "dilation": given.get("dilations", 1)}
    return lambda x, w: convolution(nn.functional.pad(x, around), w, groups=given.get("group", 1), **settings)


def _rectified(v: Tensor) -> Tensor:
    return (1.2 * torch.sigmoid(v) - 0.1).clamp(0, 1)


def _size(model: onnx.ModelProto, inner: str, output: str, inputs: np.ndarray) -> int:
    """How many values a sample has, before the layer and after it."""
    return sum(each.size for each in fake_quantization.values(model, [inner, output], inputs[:1]).values())
