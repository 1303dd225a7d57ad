"""Figure: test accuracy against file size and against latency, with the Pareto front of each."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from compression_ops import quantities
from compression_ops.evaluation.family import ROLES
from compression_ops.report.contents import Report
from compression_ops.report.plots import labels, pareto
from compression_ops.report.plots.style import (
    FAINT,
    GREY,
    INK,
    lay_out,
    logarithmic,
    look,
    new_figure,
    short_labels,
    svg,
)


def draw(report: Report) -> str:
    """Two panels, one accuracy axis: a point a model with its 95 % interval, filled where it is on the Pareto front."""
    batch_size = report.conditions.sizes[0]
    sizes = [float(model.cost.file_bytes) for model in report.models]
    latencies = [report.latency[model.name, batch_size].p50_us for model in report.models]
    with new_figure(4.8) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, report, sizes, "Size of the ONNX file", quantities.size)
        _panel(right, report, latencies, f"Median latency of one call, batch {batch_size}", quantities.duration)
        left.set_ylabel("Test accuracy")
        figure.legend(handles=_legend(report), loc="outside upper left", ncols=7, frameon=False, fontsize=9)
        names = [model.name for model in report.models]
        accuracies = [model.quality.accuracy for model in report.models]
        lay_out(figure)
        for axes, costs in ((left, sizes), (right, latencies)):
            positions = [(cost, accuracy.value) for cost, accuracy in zip(costs, accuracies, strict=True)]
            labels.place(figure, axes, names, positions, [(accuracy.low, accuracy.high) for accuracy in accuracies])
        return svg(figure)


def _panel(axes: Axes, report: Report, costs: Sequence[float], label: str, write: Callable[[float], str]) -> None:
    accuracies = [model.quality.accuracy for model in report.models]
    front = pareto.front(costs, [accuracy.value for accuracy in accuracies])
    stairs = [costs[index] for index in front], [accuracies[index].value for index in front]
    axes.plot(*stairs, drawstyle="steps-post", color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    for index, (model, accuracy) in enumerate(zip(report.models, accuracies, strict=True)):
        _, color, marker = look(model.role)
        axes.vlines(costs[index], accuracy.low, accuracy.high, color=color, alpha=0.35, linewidth=2, zorder=2)
        face = color if index in front else "white"
        axes.scatter(
            costs[index], accuracy.value, s=46, c=face, marker=marker, edgecolor=color, linewidth=1.4, zorder=3
        )
    _spread(axes, costs)
    logarithmic(axes, write)
    axes.set_xlabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(short_labels(lambda fraction: quantities.percent(fraction, 2)))
    axes.grid(color=FAINT, linewidth=0.5, alpha=0.7)
    axes.margins(y=0.12)


def _spread(axes: Axes, costs: Sequence[float]) -> None:
    """Room for the names left and right of the outermost points, even where all points stand at one place."""
    low, high = min(costs), max(costs)
    room = max(1.5, (high / low) ** 0.25)
    axes.set_xlim(low / room, high * room)


def _legend(report: Report) -> list[Line2D]:
    present = {model.role for model in report.models}
    handles: list[Line2D] = []
    for role in ROLES:
        if role not in present:
            continue
        name, color, marker = look(role)
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="", label=name))
    front = Line2D([], [], color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), label="Pareto front")
    hollow = Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="", label="hollow: not on it")
    return [*handles, front, hollow]
