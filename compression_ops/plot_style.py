"""The look that the report's figures share, and their form: SVG documents, drawn without matplotlib's global state."""

import io
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

INK, GREY, FAINT = "#24292f", "#8c959f", "#d0d7de"
WIDTH_INCHES = 11.0
# By kind: name in a legend, colour, marker.
KINDS = {
    "teacher": ("teacher", "#24292f", "s"),
    "student": ("student", "#0969da", "o"),
    "control": ("control (no teacher)", "#bc6c00", "^"),
    "quantized_student": ("quantized student", "#1a7f37", "D"),
}
_OTHER = ("#8250df", "P")
_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "report",
}


def look(kind: str) -> tuple[str, str, str]:
    """(name in a legend, colour, marker) of one kind of model, the same in every figure."""
    return KINDS.get(kind, (kind.replace("_", " "), *_OTHER))


@contextmanager
def new_figure(height_inches: float) -> Generator[Figure]:
    """A figure of the report's width. Draw it, and call `svg`, inside the context: the style holds there alone."""
    with matplotlib.rc_context(_RC):
        yield Figure(figsize=(WIDTH_INCHES, height_inches), dpi=72, layout="constrained")


def svg(figure: Figure) -> str:
    """The figure as one SVG document, without a date."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def logarithmic(axes: Axes, write: Callable[[float], str]) -> None:
    """A logarithmic x axis with at least two ticks, whose labels `write` makes."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    wide = high / low > 30
    _ticks(axes.xaxis, (1.0,) if high / low > 3000 else (1.0, 3.0) if wide else (1.0, 2.0, 5.0), write)
    if high / low < 5:
        _ticks(
            axes.xaxis, tuple(1 + step / 2 for step in range(18)) if high / low < 2 else (1, 1.5, 2, 3, 4, 6, 8), write
        )


def ticks(write: Callable[[float], str]) -> FuncFormatter:
    """Labels of an axis that `write` makes of its values."""

    def label(value: float, _position: int | None = None) -> str:
        return write(value)

    return FuncFormatter(label)


def _ticks(axis: Axis, multiples: tuple[float, ...], write: Callable[[float], str]) -> None:
    axis.set_major_locator(LogLocator(subs=multiples, numticks=20))
    axis.set_major_formatter(ticks(write))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
