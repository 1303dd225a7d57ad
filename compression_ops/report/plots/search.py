"""Figure: the trials of a search, each objective against the first, or the course of the only one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from compression_ops.report.plots.style import FAINT, GREY, INK, new_figure, svg

BEST, OTHER, INFEASIBLE = "#1a7f37", "#0969da", GREY
_DIRECTIONS = {"maximize": 1, "minimize": -1}


@dataclass(frozen=True)
class Point:
    """One trial that came to its end.

    numbers      {`asset.metric`: value}, every objective among them
    settings     {field: value in words}
    is_feasible  whether it keeps all constraints;  is_best: whether it is on the Pareto front
    """

    name: str
    numbers: Mapping[str, float]
    settings: Mapping[str, str] = field(default_factory=dict)
    is_feasible: bool = True
    is_best: bool = False


def draw(objectives: Mapping[str, str], points: Sequence[Point]) -> str:
    """An SVG document of {number: `maximize` or `minimize`} and the trials in their order.

    With several objectives a panel for each but the first, with the Pareto front of the best; with one its course.
    """
    names = list(objectives)
    with new_figure(4.4) as figure:
        panels = figure.subplots(1, max(1, len(names) - 1), squeeze=False)[0]
        if len(names) == 1:
            _course(panels[0], names[0], objectives[names[0]], points)
        for axes, other in zip(panels, names[1:], strict=False):
            _panel(axes, other, names[0], points, objectives[other])
        figure.legend(handles=_legend(points), loc="outside upper left", ncols=3, frameon=False, fontsize=9)
        return svg(figure)


def _panel(axes: Axes, cost: str, value: str, points: Sequence[Point], direction: str) -> None:
    front = sorted((point.numbers[cost], point.numbers[value]) for point in points if point.is_best)
    if front:
        stairs = "steps-post" if direction == "minimize" else "steps-pre"  # up to where nothing else is as good
        axes.plot(
            *zip(*front, strict=True), drawstyle=stairs, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1
        )
    for point in points:
        _mark(axes, point.numbers[cost], point.numbers[value], point)
    _number(axes, [(point.numbers[cost], point.numbers[value], point) for point in points])
    _label(axes, cost, value)


def _course(axes: Axes, value: str, direction: str, points: Sequence[Point]) -> None:
    best: list[float] = []
    for index, point in enumerate(points):
        _mark(axes, index, point.numbers[value], point)
        found = [each.numbers[value] for each in points[: index + 1] if each.is_feasible]
        sign = _DIRECTIONS[direction]
        best.append(max(found, key=lambda number: sign * number) if found else float("nan"))
    _number(axes, [(index, point.numbers[value], point) for index, point in enumerate(points)])
    axes.plot(range(len(best)), best, drawstyle="steps-post", color=GREY, linestyle=(0, (4, 3)), zorder=1)
    _label(axes, "trials that came to their end", value)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def _mark(axes: Axes, x: float, y: float, point: Point) -> None:
    color = _color(point)
    face = color if point.is_best else "white"
    axes.scatter(x, y, s=40, c=face, edgecolor=color, linewidth=1.4, zorder=3)


def _number(axes: Axes, placed: Sequence[tuple[float, float, Point]]) -> None:
    """The numbers of the best trials beside their points; those of one place share a label."""
    labels: dict[tuple[float, float], list[str]] = {}
    for x, y, point in placed:
        if point.is_best:
            labels.setdefault((x, y), []).append(point.name.rpartition(" ")[2])
    for place, names in labels.items():
        axes.annotate(
            ", ".join(names), place, xytext=(6, 5), textcoords="offset points", color=INK, fontsize=8.5, zorder=4
        )


def _color(point: Point) -> str:
    return BEST if point.is_best else OTHER if point.is_feasible else INFEASIBLE


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x.replace("_", " "))
    axes.set_ylabel(y.replace("_", " "))
    axes.grid(color=FAINT, linewidth=0.5, alpha=0.7)
    axes.margins(0.08)


def _legend(points: Sequence[Point]) -> list[Line2D]:
    looks = [(BEST, BEST, "best"), (OTHER, "white", "keeps all constraints"), (INFEASIBLE, "white", "breaks one")]
    present = {_color(point) for point in points}
    return [
        Line2D([], [], color=color, marker="o", markerfacecolor=face, linestyle="", label=label)
        for color, face, label in looks
        if color in present
    ]
