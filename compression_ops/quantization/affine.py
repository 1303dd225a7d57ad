"""Affine quantization of a tensor to integers of any bit width.

With scale s and zero point z (Jacob et al. 2018, section 2.1, "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference"):

    q  = clamp(round(x / s) + z, q_min, q_max)
    x' = (q - z) s

Rounding is to the nearest integer, ties to even, as in ONNX QuantizeLinear. For example 0.75 on [-1, 1] in steps of
s = 0.02 with z = 0 is q = round(37.5) = 38, x' = 0.76.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MIN_BITS, MAX_BITS = 2, 16


@dataclass(frozen=True)
class Integers:
    """A range of integers, both ends included."""

    low: int
    high: int


@dataclass(frozen=True)
class Affine:
    """How a tensor maps to integers.

    scale       float32, of shape [] for the whole tensor or [C] for each index of `axis`; above zero
    zero_point  int32 of the same shape: the integer that stands for 0.0, exactly
    integers    the values that a quantized element takes
    axis        the axis that `scale` runs along; None where one scale serves the whole tensor
    """

    scale: Tensor
    zero_point: Tensor
    integers: Integers
    axis: int | None = None

    @property
    def bits(self) -> int:
        """How many bits hold its integers: of two's complement where some are negative."""
        if self.integers.low >= 0:
            return self.integers.high.bit_length()
        return 1 + max(self.integers.high.bit_length(), (-self.integers.low - 1).bit_length())


def integers(bits: int, signed: bool, narrow: bool = False) -> Integers:
    """The integers of `bits` bits. `narrow` leaves out the most negative one, so that they lie symmetrically about 0.

    Raises ValueError unless 2 <= bits <= 16.
    """
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"bits is {bits}; allowed are {MIN_BITS} to {MAX_BITS}")
    if not signed:
        return Integers(0, 2**bits - 1)
    return Integers(-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1)


def value_range(values: Tensor, axis: int | None = None) -> tuple[Tensor, Tensor]:
    """Smallest and largest value, float32: of shape [] over the whole tensor, or [C] for each index of `axis`.

    Raises ValueError where there is no value, or one that is not finite.
    """
    if values.numel() == 0 or not bool(torch.isfinite(values).all()):
        raise ValueError(f"a range needs finite values; found a tensor of shape {tuple(values.shape)} with others")
    flat = values.float().flatten() if axis is None else values.float().movedim(axis, 0).flatten(1)
    return flat.amin(-1), flat.amax(-1)


def asymmetric(low: Tensor, high: Tensor, integers: Integers, axis: int | None = None) -> Affine:
    """Map [low, high], widened to contain 0, onto all of the integers. `low` and `high` have the shape of the scale.

    Raises ValueError where a bound is not finite or low > high.
    """
    low, high = _checked(low, high)
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = _positive((high - low) / (integers.high - integers.low))
    zero_point = (integers.low - low / scale).round().clamp(integers.low, integers.high)
    return Affine(scale.float(), zero_point.to(torch.int32), integers, axis)


def symmetric(low: Tensor, high: Tensor, integers: Integers, axis: int | None = None) -> Affine:
    """Map the larger of |low| and |high| to the largest integer, and 0 to the middle of them.

    Raises ValueError where a bound is not finite or low > high.
    """
    low, high = _checked(low, high)
    zero_point = (integers.low + integers.high + 1) // 2
    scale = _positive(torch.maximum(low.abs(), high.abs()) / (integers.high - zero_point))
    return Affine(scale.float(), torch.full_like(scale, zero_point, dtype=torch.int32), integers, axis)


def quantize(values: Tensor, affine: Affine) -> Tensor:
    """float [...] -> int32 of the same shape. NaN has no integer: ValueError."""
    if bool(torch.isnan(values).any()):
        raise ValueError("NaN cannot be quantized")
    scale, zero_point = _along(affine, values)
    # float32 throughout, as the operators of ONNX compute: the same ties, the same integers. Clamped before the
    # conversion, since a float beyond int32 has no defined integer.
    rounded = (values.float() / scale).round() + zero_point
    return rounded.clamp(affine.integers.low, affine.integers.high).to(torch.int32)


def dequantize(quantized: Tensor, affine: Affine) -> Tensor:
    """int [...] -> float32 of the same shape."""
    scale, zero_point = _along(affine, quantized)
    return (quantized.to(torch.int32) - zero_point).float() * scale


def fake_quantize(values: Tensor, affine: Affine) -> Tensor:
    """The float32 values that the integers stand for. The gradient passes straight through, except where it clamps."""
    values = values.float()
    scale, zero_point = _along(affine, values)
    low, high = (affine.integers.low - zero_point) * scale, (affine.integers.high - zero_point) * scale
    inside = torch.minimum(torch.maximum(values, low), high)
    return dequantize(quantize(values.detach(), affine), affine) + (inside - inside.detach())


def widened(affine: Affine, values: Tensor) -> Tensor:
    """The scale in a shape that multiplies `values`."""
    return _along(affine, values)[0]


def _along(affine: Affine, values: Tensor) -> tuple[Tensor, Tensor]:
    if affine.axis is None:
        return affine.scale, affine.zero_point
    if affine.scale.shape != (values.shape[affine.axis],):
        raise ValueError(
            f"scales of shape {tuple(affine.scale.shape)} do not fit axis {affine.axis} of {tuple(values.shape)}"
        )
    shape = [1] * values.dim()
    shape[affine.axis] = -1
    return affine.scale.view(shape), affine.zero_point.view(shape)


def _checked(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """In double precision: the bounds of float32 values may lie further apart than float32 reaches."""
    low, high = low.double(), high.double()
    if not bool((torch.isfinite(low) & torch.isfinite(high) & (low <= high)).all()):
        raise ValueError(f"a range must be finite and ordered; found low {low.tolist()}, high {high.tolist()}")
    return low, high


def _positive(scale: Tensor) -> Tensor:
    """`scale`, but 1 where it is too small for a float32: then every value is 0, which any scale maps exactly."""
    return torch.where(scale < torch.finfo(torch.float32).tiny, torch.ones_like(scale), scale)
