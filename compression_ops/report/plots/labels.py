"""Names beside the points of a plot, placed so that they cover neither each other nor the points."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from compression_ops.report.plots.style import GREY

# In points from the point to the nearest edge of its name.
_DISTANCES = (8, 16, 28, 42, 58, 76, 96)
_ANGLES = (0, 25, -25, 180, 155, -155, 60, -60, 120, -120, 90, -90)
_MARKER = 8.0
_FONT = 8.5
_Box = tuple[float, float, float, float]
# A name over the thin bar of an interval can still be read; one over a point or another name cannot.
_BAR_WEIGHT, _OUTSIDE_WEIGHT = 0.25, 3.0


def place(
    figure: Figure,
    axes: Axes,
    names: Sequence[str],
    positions: Sequence[tuple[float, float]],
    bars: Sequence[tuple[float, float]],
) -> None:
    """Write each name near its point, with a line to it where it had to move away.

    positions: (x, y) in data units; bars: (low, high) of each point's vertical interval. The figure must be laid out.
    """
    to_pixels = axes.transData
    points: list[tuple[float, float]] = to_pixels.transform(np.array(positions)).tolist()
    taken = [(_box(x, y, _MARKER, _MARKER), 1.0) for x, y in points]
    for (x, _), interval in zip(positions, bars, strict=True):
        (x0, y0), (x1, y1) = to_pixels.transform([(x, end) for end in interval]).tolist()
        taken.append(((x0 - 2, y0, x1 + 2, y1), _BAR_WEIGHT))
    extent = axes.get_window_extent()
    frame = (extent.x0, extent.y0, extent.x1, extent.y1)
    for index in sorted(range(len(names)), key=lambda index: -points[index][1]):
        width, height = _extent(figure, axes, names[index])
        box, distance = _best(_candidates(*points[index], width, height), taken, frame)
        taken.append((box, 1.0))
        centre = to_pixels.inverted().transform(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        _write(axes, names[index], positions[index], (float(centre[0]), float(centre[1])), distance > _DISTANCES[0])


def _extent(figure: Figure, axes: Axes, name: str) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    text = axes.text(0.5, 0.5, name, fontsize=_FONT, transform=axes.transAxes)
    extent = text.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    text.remove()
    return extent.width, extent.height


def _write(axes: Axes, name: str, point: tuple[float, float], centre: tuple[float, float], far: bool) -> None:
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5}
    halo = [withStroke(linewidth=2.5, foreground="white")]
    arrow = line if far else None
    axes.annotate(
        name, point, centre, ha="center", va="center", fontsize=_FONT, arrowprops=arrow, path_effects=halo, zorder=5
    )


def _best(
    candidates: Iterator[tuple[_Box, float]], taken: Sequence[tuple[_Box, float]], frame: _Box
) -> tuple[_Box, float]:
    """The candidate that covers least; a longer distance counts too, so that it buys something."""

    def covered(candidate: tuple[_Box, float]) -> float:
        box, distance = candidate
        outside = _overlap(box, box) - _overlap(box, frame)
        return distance + _OUTSIDE_WEIGHT * outside + sum(weight * _overlap(box, other) for other, weight in taken)

    return min(candidates, key=covered)


def _candidates(x: float, y: float, width: float, height: float) -> Iterator[tuple[_Box, float]]:
    for distance in _DISTANCES:
        for angle in _ANGLES:
            right, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # From the point outwards: sideways names begin there, names above or below are centred on it.
            sideways = width / 2 * (math.copysign(1, right) if abs(right) > 0.4 else 0)
            yield _box(x + distance * right + sideways, y + (distance + height / 2) * up, width, height), distance


def _box(x: float, y: float, width: float, height: float) -> _Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(first: _Box, second: _Box) -> float:
    """Area in common."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return width * height if width > 0 and height > 0 else 0.0
