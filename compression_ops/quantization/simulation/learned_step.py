"""Fake quantization whose step size is learned.

Esser et al. 2020, "Learned Step Size Quantization". With v̄ = v / s, integers from -Q_N to Q_P around the zero point
and N elements,

    v̂      = clamp(round(v̄), -Q_N, Q_P) s
    ∂v̂/∂v  = 1                   if -Q_N < v̄ < Q_P, else 0
    ∂v̂/∂s  = round(v̄) - v̄        if -Q_N < v̄ < Q_P, else -Q_N or Q_P
    ∂L/∂s  = g Σ ∂L/∂v̂ ∂v̂/∂s     with g = 1 / √(N Q_P)

For example v = 0.75, s = 0.02 on -127 to 127: v̄ = 37.5, v̂ = 0.76, ∂v̂/∂s = 0.5.

The zero point of an asymmetric tensor stays as it was calibrated (of LSQ+, Bhalgat et al. 2020, "LSQ+: Improving
low-bit quantization through learnable offsets and better initialization", the offset is not learned): ONNX wants a
whole number, and after a ReLU it must stay 0.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from compression_ops.quantization.affine import Affine

# Of its initial value: below that a step is hardly one, and Adam's next one could make it negative.
_SMALLEST = 1 / 256


class _FakeQuantize(torch.autograd.Function):
    """Of values float32, scale and zero point (both float32, to be broadcast) and the integers' ends around it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, scale: Tensor, low: Tensor, high: Tensor, gain: float) -> Tensor:
        ratio = values / scale
        quantized = torch.minimum(torch.maximum(ratio.round(), low), high)
        inside = (ratio > low) & (ratio < high)
        ctx.save_for_backward(inside, torch.where(inside, quantized - ratio, quantized))
        ctx.gain, ctx.shape = gain, scale.shape
        return quantized * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        inside, of_scale = ctx.saved_tensors
        (gradient,) = gradients
        summed = (gradient * of_scale).sum_to_size(ctx.shape) * ctx.gain
        return gradient * inside, summed, None, None, None


class LearnedStep(nn.Module):
    """Fake quantization by an `Affine` whose scale is learned, its zero point and integers kept.

    What is trained is the scale as a multiple of its initial value, whose gradient is divided by that value: a step of
    plain gradient descent changes the scale as the paper's does, and one of AdamW, whose length does not depend on
    the gradient's, changes a scale of 0.001 and one of 10 by the same share.
    """

    ratio: Tensor
    initial: Tensor
    zero_point: Tensor

    def __init__(self, affine: Affine, is_weight: bool) -> None:
        super().__init__()
        self._integers, self._axis, self._is_weight = affine.integers, affine.axis, is_weight
        self._largest = _largest(affine)
        self.ratio = nn.Parameter(torch.ones_like(affine.scale))
        self.register_buffer("initial", affine.scale.clone())
        self.register_buffer("zero_point", affine.zero_point.clone())

    @property
    def scale(self) -> Tensor:
        """float32 of the shape of the affine's: above 0."""
        multiple = torch.maximum(self.ratio, torch.full_like(self.ratio, _SMALLEST)).detach() * self.initial
        # d/d(ratio) is d/d(scale) / initial, where the chain rule alone would multiply.
        slope = self.ratio / self.initial
        return multiple + (slope - slope.detach())

    @property
    def affine(self) -> Affine:
        """As it stands, on the processor."""
        return Affine(self.scale.detach().cpu(), self.zero_point.cpu(), self._integers, self._axis)

    def forward(self, values: Tensor) -> Tensor:
        """float [...] -> float32 of the same shape: the values that the integers stand for."""
        scale, zero_point = self.scale, self.zero_point
        if self._axis is not None:
            shape = [1] * values.dim()
            shape[self._axis] = -1
            scale, zero_point = scale.view(shape), zero_point.view(shape)
        low, high = ((end - zero_point).float() for end in (self._integers.low, self._integers.high))
        # Of activations the paper counts the features of one sample: the loss is a mean over the batch.
        elements = values.numel() / self.ratio.numel() / (1 if self._is_weight else max(len(values), 1))
        gain = 1 / math.sqrt(max(elements * self._largest, 1.0))
        return _FakeQuantize.apply(values.float(), scale, low, high, gain)  # type: ignore[no-any-return]


def initial(weight: Tensor, affine: Affine) -> Affine:
    """The scale that a weight's training begins with: the paper's 2 mean|w| / √Q_P, or the calibrated one where that
    is smaller. With eight bits the paper's reaches many times beyond the largest weight.
    """
    magnitudes = weight.float().abs()
    means = magnitudes.mean() if affine.axis is None else magnitudes.movedim(affine.axis, 0).flatten(1).mean(-1)
    scale = 2 * means / math.sqrt(_largest(affine))
    smaller = torch.where(scale > 0, torch.minimum(scale, affine.scale), affine.scale)
    return Affine(smaller, affine.zero_point, affine.integers, affine.axis)


def _largest(affine: Affine) -> float:
    """Q_P: how many steps the largest integer is above the zero point; at least 1."""
    return max(float(affine.integers.high - affine.zero_point.min()), 1.0)
