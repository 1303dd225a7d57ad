"""Figure: which classes a smaller model confuses more, or less, than its teacher does."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FixedLocator
from numpy.typing import NDArray

from compression_ops.report.contents import Report
from compression_ops.report.plots.style import FAINT, INK, WIDTH_INCHES, new_figure, svg

_NUMBERED_CLASSES = 12
_NAMED_CLASSES = 16
_COLUMNS = 3
# Changes of a sample or two stay pale even where nothing changed more.
_LEAST_LIMIT = 5
_WORSE_BETTER = LinearSegmentedColormap.from_list("change", ["#0969da", "#ffffff", "#cf222e"])


def draw(report: Report) -> str | None:
    """One panel a student and quantized model: its confusion matrix less its teacher's, in test samples.

    Red is worse in every cell: more confusions off the diagonal, fewer right answers on it. None without such a model.
    """
    models = [model for model in report.models if model.role in ("student", "quantized")]
    if not models:
        return None
    confusion = {model.name: model.quality.confusion for model in report.models}
    changes = [confusion[model.name] - confusion[model.teacher] for model in models]
    limit = max(_LEAST_LIMIT, *(int(np.abs(change).max()) for change in changes))
    columns = min(_COLUMNS, max(2, len(models)))
    rows = -(-len(models) // columns)
    with new_figure(rows * (WIDTH_INCHES / columns + 0.3)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, model, change in zip(panels, models, changes, strict=False):
            _panel(axes, model.name, change, report.classes, limit)
        for axes in panels[len(models) :]:
            axes.set_axis_off()
        return svg(figure)


def _panel(axes: Axes, name: str, change: NDArray[np.int64], classes: tuple[str, ...], limit: int) -> None:
    worse = np.where(np.eye(len(classes), dtype=bool), -change, change)
    axes.imshow(worse, cmap=_WORSE_BETTER, vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(name)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    axes.spines[:].set_visible(True)
    _ticks(axes, classes)
    if not change.any():
        axes.text(0.5, 0.5, "no difference", ha="center", va="center", transform=axes.transAxes, in_layout=False)
    if len(classes) <= _NUMBERED_CLASSES:
        _numbers(axes, change, worse, limit)


def _ticks(axes: Axes, classes: tuple[str, ...]) -> None:
    shown = range(0, len(classes), -(-len(classes) // _NAMED_CLASSES))
    names = [classes[index] if len(classes[index]) <= 12 else f"{classes[index][:11]}…" for index in shown]
    rotation = 0 if max(map(len, names)) <= 2 else 90
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.yaxis.set_major_locator(FixedLocator(list(shown)))
    axes.set_xticklabels(names, rotation=rotation, fontsize=8)
    axes.set_yticklabels(names, fontsize=8)
    axes.tick_params(length=0)
    if len(classes) <= _NUMBERED_CLASSES:
        # Not a grid of minor ticks, each of which matplotlib makes of five artists.
        between, ends = np.arange(len(classes) - 1) + 0.5, (-0.5, len(classes) - 0.5)
        axes.hlines(between, *ends, color=FAINT, linewidth=0.4)
        axes.vlines(between, *ends, color=FAINT, linewidth=0.4)


def _numbers(axes: Axes, change: NDArray[np.int64], worse: NDArray[np.int64], limit: int) -> None:
    for row, column in np.argwhere(change != 0):
        number = int(change[row, column])
        color = "white" if abs(worse[row, column]) > 0.55 * limit else INK
        text = f"+{number}" if number > 0 else f"−{-number}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color, in_layout=False)
