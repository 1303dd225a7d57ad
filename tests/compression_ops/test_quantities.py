"""Numbers as people read them."""

import math
from collections.abc import Callable

import pytest

from compression_ops import quantities


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (quantities.percent, 0.98611, "98.6 %"),
        (quantities.percent, 1.0, "100.0 %"),
        (quantities.points, -0.277, "−0.3"),
        (quantities.points, 0.04, "0.0"),
        (quantities.points, -0.04, "0.0"),
        (quantities.points, 1.25, "+1.2"),
        (quantities.size, 0, "0 B"),
        (quantities.size, 999, "999 B"),
        (quantities.size, 1000, "1.00 kB"),
        (quantities.size, 21_473, "21.5 kB"),
        (quantities.size, 999_600, "1.00 MB"),
        (quantities.size, 1_884_213, "1.88 MB"),
        (quantities.count, 9098, "9,098"),
        (quantities.magnitude, 1_234_567, "1.23 M"),
        (quantities.magnitude, 640, "640"),
        (quantities.duration, 8.125, "8.12 µs"),
        (quantities.duration, 75.61, "75.6 µs"),
        (quantities.duration, 999.7, "1.00 ms"),
        (quantities.duration, 12_345.6, "12.3 ms"),
        (quantities.duration, 2_500_000, "2.50 s"),
        (quantities.ratio, 24.13, "24.1×"),
        (quantities.ratio, 0.512, "0.512×"),
        (quantities.ratio, 1234.0, "1234×"),
        (quantities.p_value, 0.0000001, "< 0.001"),
        (quantities.p_value, 0.0525, "0.052"),
        (quantities.p_value, 0.375, "0.38"),
        (quantities.p_value, 1.0, "1"),
        (quantities.p_equals, 0.0000001, "p < 0.001"),
        (quantities.p_equals, 0.375, "p = 0.38"),
    ],
)
def test_a_number_has_a_unit_and_no_more_digits_than_it_deserves(
    write: Callable[[float], str], value: float, text: str
) -> None:
    assert write(value) == text


@pytest.mark.parametrize(
    "write",
    [quantities.percent, quantities.points, quantities.size, quantities.duration, quantities.ratio, quantities.p_value],
)
def test_what_is_missing_is_a_dash(write: Callable[[float | None], str]) -> None:
    assert write(None) == write(math.nan) == "–"


@pytest.mark.parametrize(("samples", "digits"), [(1, 1), (360, 1), (1000, 1), (1797, 2), (10_000, 2), (50_000, 2)])
def test_an_accuracy_has_the_decimals_that_one_sample_changes(samples: int, digits: int) -> None:
    assert quantities.accuracy_digits(samples) == digits


@pytest.mark.parametrize(
    ("limit", "value", "text"),
    [
        (0.5, 0.5195, "0.52"),
        (0.5, 0.44, "0.4"),
        (0.03, 100 * (0.9918 - 0.9915), "0.0"),
        (0.48, 0.47, "0.47"),
        (0, -1, "-1.0"),
    ],
)
def test_a_number_beside_a_limit_shows_on_which_side_it_is(limit: float, value: float, text: str) -> None:
    assert quantities.beside(limit, value, 1) == text


def test_a_ratio_beside_a_limit_has_its_usual_digits_where_they_tell_it() -> None:
    assert [quantities.ratio_beside(4, value) for value in (3.996, 4, 24.13, 1234)] == [
        "3.996×",
        "4.00×",
        "24.1×",
        "1234×",
    ]
