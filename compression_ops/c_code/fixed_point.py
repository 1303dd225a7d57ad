"""Real factors as integers and a shift, and proofs that no sum leaves its 32 bits."""

import math

import numpy as np
from numpy.typing import NDArray

from compression_ops.c_code.program import LogitScale, Requantization
from compression_ops.errors import ModelError

_INT32 = 2**31
# So that neither the zero point nor a half, times 2^shift, comes near to 64 bits.
_LARGEST_SHIFT = 50


def requantization(factors: NDArray[np.float64], zero_point: int, layer: str) -> Requantization:
    """Sums times `factors` [channels], rounded to the nearest integer, plus the zero point, within a byte.

    Raises ModelError for factors too large for 31 bits.
    """
    multipliers, shift = scaled(factors, 31, layer)
    return Requantization(multipliers, shift, (zero_point << shift) + (1 << (shift - 1)))


def logit_scale(scales: NDArray[np.float64], largest: NDArray[np.int64], layer: str) -> tuple[LogitScale, int]:
    """Sums that stand for `scales` [classes] each, as integers of one scale, 2^-bits, and these bits.

    largest  int64 [classes], what no sum exceeds: the bits are the most with which every logit stays within 2^30
    """
    reach = float((scales * np.maximum(largest, 1)).max())
    bits = 29 - math.floor(math.log2(reach))
    multipliers, shift = scaled(scales * 2.0**bits, 30, layer)
    return LogitScale(multipliers, shift), bits


def scaled(factors: NDArray[np.float64], bits: int, layer: str) -> tuple[NDArray[np.int64], int]:
    """int64 [N] below 2^bits and a shift of 1 to 50: integer / 2^shift is the factor, the largest to that precision."""
    shift = min(_LARGEST_SHIFT, bits - 1 - math.floor(math.log2(float(factors.max()))))
    if np.rint(factors.max() * 2.0**shift) >= 2**bits:
        shift -= 1
    if shift < 1:
        raise ModelError(
            f"{layer}: its sums are to be multiplied by {float(factors.max()):.3g}; allowed are factors below "
            f"2^{bits - 1}. Its output's scale is that much finer than its input's: calibrate with samples on which it "
            "gives values that are not all the same"
        )
    return np.rint(factors * 2.0**shift).astype(np.int64), shift


def largest_sums(weights: NDArray[np.int8], bias: NDArray[np.int64], high: int, layer: str) -> NDArray[np.int64]:
    """int64 [filters]: what no sum over inputs of 0 to `high`, however far it has come and in any order, exceeds.

    Raises ModelError where one could leave 32 bits.
    """
    rows = weights.reshape(len(weights), -1).astype(np.int64)
    above = np.maximum(bias, 0) + high * np.maximum(rows, 0).sum(axis=1)
    below = np.minimum(bias, 0) + high * np.minimum(rows, 0).sum(axis=1)
    reach = np.maximum(above, -below)
    if (above >= _INT32).any() or (below < -_INT32).any():
        worst = int(reach.argmax())
        raise ModelError(
            f"{layer}: the sum of its output {worst} can reach {int(reach[worst]):,}, by its {rows.shape[1]:,} weights "
            f"and its bias of {int(bias[worst]):,}; allowed is less than {_INT32:,}, what 32 bits hold. Train a "
            "network with fewer weights an output, or quantize with fewer `weight_bits`"
        )
    return reach


def addition(
    factors: tuple[float, float], zero_points: tuple[int, int], zero_point: int, layer: str
) -> tuple[tuple[int, int], int, int]:
    """Multipliers, shift and offset of (a - z_a) · f_a + (b - z_b) · f_b + zero_point, rounded, for bytes a and b.

    The shift is the largest with which all of it stays within 32 bits. Raises ModelError where none of 8 and more does.
    """
    for shift in range(22, 7, -1):
        first, second = (round(factor * 2**shift) for factor in factors)
        constant = (zero_point << shift) + (1 << (shift - 1)) - first * zero_points[0] - second * zero_points[1]
        if abs(constant) + 255 * (first + second) < _INT32:
            return (first, second), shift, constant
    raise ModelError(
        f"{layer}: its terms are to be multiplied by {factors[0]:.3g} and {factors[1]:.3g}; allowed are factors whose "
        "sum is below 2^14. Calibrate with samples on which it gives values that are not all the same"
    )
