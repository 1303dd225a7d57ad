"""Figure: the ways that test samples took through the nodes of a network, with the filters that sent them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from compression_ops.evaluation.decisions.decision import LEVELS, Decision
from compression_ops.report import decision_sections
from compression_ops.report.contents import Report
from compression_ops.report.plots.style import FAINT, GREY, INK, new_figure, svg

_NODES_A_LINE = 8
_UPRIGHT_CLASSES, _NAMED_CLASSES, _LONGEST_NAME = 12, 5, 10
_LEAF_COLUMNS = 2  # of a filter's width
LEFT_RIGHT = LinearSegmentedColormap.from_list("turn", ["#bc4c00", "#ffffff", "#0969da"])
_RIGHT, _WRONG = "#1a7f37", "#cf222e"
# Of that many channels each filter is drawn channel by channel, one below the other; of more their mean.
_CHANNELS = 4
_GAP = 1


def draw(report: Report, model: str) -> str | None:
    """One line, or several, a sample: the sample, each node's filter and turn, the leaf. None without a decision.

    Blue weights speak for going right where a pixel is bright, orange ones for left; zero is white.
    """
    decisions = decision_sections.of_model(report, model)
    if not decisions:
        return None
    heights = [_lines(decision) * _line_height(decision) + 0.42 for decision in decisions]
    with new_figure(sum(heights)) as figure:
        parts: Any = figure.subfigures(len(decisions), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, decision in zip(parts, decisions, strict=True):
            _sample(part, report, decision)
        return svg(figure)


def _lines(decision: Decision) -> int:
    return -(-len(decision.nodes) // _NODES_A_LINE)


def _line_height(decision: Decision) -> float:
    """In inches: a filter's, at the width that it has, and its words'."""
    height, width = _heat_map(decision.filters[0]).shape
    return min(4.0, max(0.8, 0.85 * height / width)) + 0.5


def _sample(part: SubFigure, report: Report, decision: Decision) -> None:
    color = _RIGHT if decision.is_right else _WRONG
    title = decision_sections.title(report, decision)
    part.suptitle(title, x=0.008, ha="left", fontsize=10, fontweight="bold", color=color)
    grid = part.add_gridspec(_lines(decision), 1 + _NODES_A_LINE + _LEAF_COLUMNS)
    _image(part.add_subplot(grid[0, 0]), decision.image)
    for number in range(len(decision.nodes)):
        line, column = divmod(number, _NODES_A_LINE)
        _node(part.add_subplot(grid[line, 1 + column]), decision, number)
    line, column = divmod(len(decision.nodes) - 1, _NODES_A_LINE)
    _leaf(part.add_subplot(grid[line, 2 + column : 2 + column + _LEAF_COLUMNS]), report, decision)


def _image(axes: Axes, image: NDArray[np.uint8]) -> None:
    channels = len(image)
    shown = image.transpose(1, 2, 0) if channels == 3 else image.mean(axis=0)
    _framed(axes)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set_xlabel("input", fontsize=8)


def _node(axes: Axes, decision: Decision, number: int) -> None:
    node = decision.nodes[number]
    _framed(axes)
    axes.imshow(_heat_map(decision.filters[number]), cmap=LEFT_RIGHT, vmin=-LEVELS, vmax=LEVELS, interpolation="none")
    axes.set_title(f"node {number + 1}", fontsize=8, fontweight="normal", color=GREY, loc="center", pad=2)
    turn = "right →" if node.turned_right else "← left"
    axes.set_xlabel(f"p(right) {node.right:.2f}\n{turn}", fontsize=8)


def _heat_map(weights: NDArray[np.int8]) -> NDArray[np.float64]:
    """int8 [C, H, W] -> [H', W]: the channels one below the other, with empty rows between."""
    values = weights.astype(np.float64)
    if len(values) > _CHANNELS:
        return values.mean(axis=0)
    gap = np.full((_GAP, values.shape[2]), np.nan)
    parts = [part for channel in values for part in (gap, channel)][1:]
    return np.concatenate(parts)


def _leaf(axes: Axes, report: Report, decision: Decision) -> None:
    """Upright bars with short names of few classes below them; else the likeliest classes, one below the other."""
    shares, best = np.array(decision.distribution), decision.leaf_class
    axes.tick_params(length=0, pad=2)
    if len(shares) <= _UPRIGHT_CLASSES and max(map(len, report.classes)) <= 2:
        axes.bar(range(len(shares)), shares, color=_bar_colors(range(len(shares)), best), width=0.75)
        axes.set_xticks(range(len(shares)), report.classes, fontsize=7)
        axes.set_yticks([])
        axes.set_ylim(0, 1)
        axes.spines["left"].set_visible(False)
    else:
        shown: list[int] = sorted(np.argsort(-shares, kind="stable")[:_NAMED_CLASSES].tolist())
        names = [report.classes[index] for index in shown]
        axes.barh(range(len(shown)), shares[shown], color=_bar_colors(shown, best), height=0.75)
        axes.set_yticks(range(len(shown)), [_short(name) for name in names], fontsize=7)
        axes.set_xticks([])
        axes.set_xlim(0, 1)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.spines["bottom"].set_visible(False)
    axes.set_title(f"leaf {decision.leaf}", fontsize=8, fontweight="normal", color=GREY, loc="center", pad=2)
    answer = f"{_short(report.classes[best])}: {100 * shares[best]:.0f} %"
    axes.set_xlabel(f"{answer}, reached with {decision.reached:.2f}", fontsize=8)


def _bar_colors(shown: Sequence[int], best: int) -> list[str]:
    return [INK if index == best else GREY for index in shown]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _framed(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
