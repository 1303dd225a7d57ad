"""The look that the report's figures share, and their form: SVG documents, drawn without matplotlib's global state."""

import io
import math
import re
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from compression_ops.evaluation.family import Role

INK, GREY, FAINT = "#24292f", "#8c959f", "#d0d7de"
WIDTH_INCHES = 11.0
# By role: name in a legend, colour, marker.
_LOOKS: dict[Role, tuple[str, str, str]] = {
    "teacher": ("teacher", "#24292f", "s"),
    "student": ("student", "#0969da", "o"),
    "control": ("control (no teacher)", "#bc6c00", "^"),
    "quantized": ("quantized student", "#1a7f37", "D"),
}
# (widest ratio of an axis's ends, multiples of powers of ten that get a tick)
_MULTIPLES = (
    (2.5, tuple(1 + step / 4 for step in range(36))),
    (6.0, (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)),
    (60.0, (1.0, 2.0, 5.0)),
    (3000.0, (1.0, 3.0)),
    (math.inf, (1.0,)),
)
_TRAILING_ZEROS = re.compile(r"\.0+(?=\D|$)|(?<=\.\d)0+(?=\D|$)")
_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # no axis has its ticks above, so that no place for the title need be searched
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


def look(role: Role) -> tuple[str, str, str]:
    """(name in a legend, colour, marker) of models that play one part, the same in every figure."""
    return _LOOKS[role]


@contextmanager
def new_figure(height_inches: float) -> Generator[Figure]:
    """A figure of the report's width. Draw it, and call `svg`, inside the context: the style holds there alone."""
    with matplotlib.rc_context(_RC):
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
        yield Figure(figsize=(WIDTH_INCHES, height_inches), dpi=72, layout=layout)


def lay_out(figure: Figure) -> None:
    """Place the figure's axes once and for all; what is drawn afterwards does not move them."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def svg(figure: Figure) -> str:
    """The figure as one SVG document, without a date."""
    lay_out(figure)
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # of a class's name: the tables, which are text, show it
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def logarithmic(axes: Axes, write: Callable[[float], str]) -> None:
    """A logarithmic x axis, within its present limits, with few round ticks whose labels `write` makes."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    multiples = next(chosen for widest, chosen in _MULTIPLES if high / low <= widest)
    axes.xaxis.set_major_locator(LogLocator(subs=multiples, numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(short_labels(write))


def short_labels(write: Callable[[float], str]) -> FuncFormatter:
    """Labels of an axis: what `write` makes of a tick's value, less the zeros after its decimal point."""

    def label(value: float, _position: int | None = None) -> str:
        return _TRAILING_ZEROS.sub("", write(value))

    return FuncFormatter(label)
