"""Factors as integers are close to the real ones, and sums beyond 32 bits are refused."""

from fractions import Fraction

import numpy as np
import pytest

from compression_ops.c_code import fixed_point
from compression_ops.errors import ModelError


@pytest.mark.parametrize("scale", [1e-9, 1e-5, 0.37, 1.0, 513.0])
def test_multipliers_are_the_factors_and_fill_their_bits(scale: float) -> None:
    factors = scale * np.array([1.0, 0.6, 0.01])
    multipliers, shift = fixed_point.scaled(factors, 31, "layer")
    np.testing.assert_allclose(multipliers / 2.0**shift, factors, rtol=0, atol=2.0**-shift / 2)
    assert int(multipliers.max()) < 2**31
    assert shift == 50 or int(multipliers.max()) >= 2**30


def test_a_factor_that_rounds_to_a_bit_more_is_given_a_smaller_shift() -> None:
    multipliers, shift = fixed_point.scaled(np.array([2 - 2.0**-40]), 31, "layer")
    assert (int(multipliers[0]), shift) == (2**30, 29)


def test_requantization_rounds_to_the_nearest_integer() -> None:
    generator = np.random.default_rng(0)
    sums, factor = generator.integers(-(2**20), 2**20, 1000), 0.000123456
    found = fixed_point.requantization(np.array([factor]), 17, "layer")
    integers = (sums * int(found.multipliers[0]) + found.offset) >> found.shift
    exact = [round(Fraction(factor) * int(value)) + 17 for value in sums]
    np.testing.assert_array_equal(integers, exact)


def test_logits_use_30_bits() -> None:
    scale, bits = fixed_point.logit_scale(np.array([1e-4, 3e-4]), np.array([100_000, 50_000]), "layer")
    factors = scale.multipliers / 2.0**scale.shift
    np.testing.assert_allclose(factors, np.array([1e-4, 3e-4]) * 2.0**bits, rtol=1e-8)
    assert 2**28 < 50_000 * factors[1] < 2**30


def test_an_addition_stays_within_32_bits_and_is_close() -> None:
    for factors, points, zero_point in (
        ((0.5, 0.9), (3, 200), 255),
        ((7.0, 0.001), (0, 0), 0),
        ((80.0, 80.0), (9, 9), 1),
    ):
        multipliers, shift, offset = fixed_point.addition(factors, points, zero_point, "layer")
        bytes_ = np.arange(0, 256, 5, dtype=np.int64)
        first, second = np.meshgrid(bytes_, bytes_)
        total = first * multipliers[0] + second * multipliers[1] + offset
        assert np.abs(total).max() < 2**31
        exact = (first - points[0]) * factors[0] + (second - points[1]) * factors[1] + zero_point
        assert np.abs(np.clip(total / 2.0**shift - 0.5, 0, 255) - np.clip(exact, 0, 255)).max() < 0.02


def test_the_largest_sum_that_32_bits_hold_passes_and_one_more_is_refused_by_name() -> None:
    weights = np.full((2, 1, 1, 3), 127, np.int8)
    rest = 2**31 - 1 - 3 * 127 * 255
    assert fixed_point.largest_sums(weights, np.array([0, rest]), 255, "layer").tolist() == [3 * 127 * 255, 2**31 - 1]
    with pytest.raises(ModelError, match=r"node 4 \(Conv\): the sum of its output 1 can reach 2,147,483,648"):
        fixed_point.largest_sums(weights, np.array([0, rest + 1]), 255, "node 4 (Conv)")
    assert int(fixed_point.largest_sums(-weights, np.array([0, -rest - 1]), 255, "layer")[1]) == 2**31
    with pytest.raises(ModelError, match="allowed is less than"):
        fixed_point.largest_sums(-weights, np.array([0, -rest - 2]), 255, "layer")


def test_factors_too_large_are_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"node 7: its sums are to be multiplied by 2\.15e\+09"):
        fixed_point.scaled(np.array([2.0**31]), 31, "node 7")
    with pytest.raises(ModelError, match=r"node 8: its terms are to be multiplied by 1e\+05 and 1"):
        fixed_point.addition((1e5, 1.0), (0, 0), 0, "node 8")
