"""Names beside the points of a plot, placed so that they cover neither each other nor the data."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

_RADII = (9, 20, 34, 50, 70)
_ANGLES = (20, 160, -20, -160, 60, 120, -60, -120, 0, 180, 90, -90)
_MARKER = 7.0


def place(
    figure: Figure,
    axes: Axes,
    names: Sequence[str],
    positions: Sequence[tuple[float, float]],
    bars: Sequence[tuple[float, float]],
) -> None:
    """Write each name near its point, with a line to it where it had to move away.

    positions: (x, y) in data units; bars: the (low, high) of each point's vertical interval, which names avoid too.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    points = axes.transData.transform(np.array(positions))
    taken = [_box(x, y, _MARKER, _MARKER) for x, y in points]
    for (x, _), (low, high) in zip(positions, bars, strict=True):
        taken.append(Bbox(axes.transData.transform([(x, low), (x, high)])).padded(2))
    frame, scale = axes.get_window_extent(renderer), figure.dpi / 72
    for name, (x, y) in sorted(zip(names, points, strict=True), key=lambda item: -float(item[1][1])):
        text = axes.annotate(name, (x, y), xycoords="figure pixels", fontsize=8.5, color="#24292f")
        extent = text.get_window_extent(renderer)
        text.remove()
        box, radius = _best(float(x), float(y), extent.width, extent.height, scale, taken, frame)
        taken.append(box)
        centre = axes.transData.inverted().transform(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
        line = {"arrowstyle": "-", "color": "#8c959f", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
        axes.annotate(
            name,
            tuple(axes.transData.inverted().transform((x, y))),
            xytext=tuple(centre),
            ha="center",
            va="center",
            fontsize=8.5,
            color="#24292f",
            arrowprops=line if radius > _RADII[0] else None,
        )


def _best(
    x: float, y: float, width: float, height: float, scale: float, taken: Sequence[Bbox], frame: Bbox
) -> tuple[Bbox, int]:
    """The candidate that covers least; the nearest of equals."""

    def covered(candidate: tuple[Bbox, int]) -> float:
        box = candidate[0]
        inside = Bbox.intersection(box, frame)
        outside = box.width * box.height - (inside.width * inside.height if inside is not None else 0)
        return 3 * max(0.0, outside) + sum(_overlap(box, other) for other in taken)

    return min(_candidates(x, y, width, height, scale), key=covered)


def _candidates(x: float, y: float, width: float, height: float, scale: float) -> Iterator[tuple[Bbox, int]]:
    for radius in _RADII:
        for angle in _ANGLES:
            right, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # The text's nearest edge, not its centre, stands at the radius.
            centre_x = x + radius * scale * right + np.sign(round(right, 6)) * width / 2 * min(1, abs(right) * 1.5)
            yield _box(centre_x, y + radius * scale * up + up * height / 2, width, height), radius


def _box(x: float, y: float, width: float, height: float) -> Bbox:
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)


def _overlap(first: Bbox, second: Bbox) -> float:
    common = Bbox.intersection(first, second)
    return 0.0 if common is None else common.width * common.height
