"""Numbers as people read them: percentages, points, bytes, counts, times, ratios and p-values with their units.

Each function writes MISSING for None and NaN.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

MISSING = "–"
_MINUS = "−"
_P = ParamSpec("_P")


def _or_missing(write: Callable[Concatenate[float, _P], str]) -> Callable[Concatenate[float | None, _P], str]:
    @wraps(write)
    def write_or_missing(value: float | None, *args: _P.args, **kwargs: _P.kwargs) -> str:
        return MISSING if value is None or math.isnan(value) else write(value, *args, **kwargs)

    return write_or_missing


def accuracy_digits(samples: int) -> int:
    """Decimals of a percentage over `samples` test samples: enough to show one sample, at least 1, at most 2."""
    return min(2, max(1, math.ceil(math.log10(samples) - 2)))


@_or_missing
def percent(fraction: float, digits: int = 1) -> str:
    """0.98611 -> `98.6 %`."""
    return f"{100 * fraction:.{digits}f} %"


@_or_missing
def points(value: float, digits: int = 1) -> str:
    """A change in percentage points, always signed: -0.277 -> `−0.3`; what rounds to zero is `0.0`."""
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else _MINUS}{text}"


@_or_missing
def size(count: float) -> str:
    """Bytes in powers of 1000, three significant digits: 21473 -> `21.5 kB`."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB"))


@_or_missing
def count(number: float) -> str:
    """A whole number in groups of three digits: 9098 -> `9,098`."""
    return f"{number:,.0f}"


@_or_missing
def magnitude(number: float) -> str:
    """A large count, three significant digits: 1234567 -> `1.23 M`."""
    return _scaled(number, ("", "k", "M", "G", "T")).strip()


@_or_missing
def duration(microseconds: float) -> str:
    """Three significant digits: 12345.6 -> `12.3 ms`."""
    return _scaled(microseconds, ("µs", "ms", "s"))


@_or_missing
def ratio(value: float) -> str:
    """24.13 -> `24.1×`."""
    return f"{_three_digits(value)}×"


@_or_missing
def p_value(value: float) -> str:
    """Two significant digits; below one in a thousand only that it is."""
    if value < 0.001:
        return "< 0.001"
    return "1" if value > 0.995 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def p_equals(value: float) -> str:
    """As within a sentence: `p = 0.042`, `p < 0.001`."""
    told = p_value(value)
    return f"p {told}" if told.startswith("<") else f"p = {told}"


def beside(limit: float, value: float, digits: int, form: str = "f") -> str:
    """A number that is compared with a limit: with as many more digits as it takes to show on which side it is.

    form  `f`: `digits` decimals; `g`: significant ones. 0.5195 with one decimal -> `0.5`, beside 0.5 -> `0.52`. What
          differs from the limit by binary rounding alone is equal to it.
    """
    shown = f"{value:.{digits}{form}}"
    if not math.isfinite(value) or math.isclose(value, limit, rel_tol=1e-9, abs_tol=1e-9):
        return shown
    while (float(shown) > limit, float(shown) < limit) != (value > limit, value < limit):
        digits += 1
        shown = f"{value:.{digits}{form}}"
    return shown


def ratio_beside(limit: float, value: float) -> str:
    """As `ratio`, beside a limit: 3.996 beside 4 -> `3.996×`."""
    plain = _three_digits(value)
    return f"{beside(limit, value, len(plain.partition('.')[2]))}×"


def _scaled(value: float, units: tuple[str, ...]) -> str:
    step = 0
    # 999.6 would print as "1000": the next unit takes it.
    while step + 1 < len(units) and float(f"{value:.3g}") >= 1000:
        value, step = value / 1000, step + 1
    whole = step == 0 and value == int(value)
    return f"{value:.0f} {units[step]}" if whole else f"{_three_digits(value)} {units[step]}"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(float(f"{value:.3g}")))))
    return f"{value:.{decimals}f}"
