"""Figure: accuracy on validation against bytes of weights, of the models on the way to bits that were chosen."""

from matplotlib.axes import Axes

from compression_ops import quantities
from compression_ops.onnx_model.chosen_widths import ChosenWidths
from compression_ops.report.contents import Report
from compression_ops.report.plots.style import FAINT, GREY, INK, look, new_figure, short_labels, svg

_COLUMNS = 2


def draw(report: Report) -> str | None:
    """One panel a quantized student whose bits were chosen; None where there is none."""
    found = [(model.name, model.widths) for model in report.models if model.widths is not None]
    if not found:
        return None
    columns = min(_COLUMNS, len(found))
    rows = -(-len(found) // columns)
    with new_figure(3.6 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, chosen) in zip(panels, found, strict=False):
            _panel(axes, name, chosen)
        for axes in panels[len(found) :]:
            axes.set_axis_off()
        return svg(figure)


def _panel(axes: Axes, name: str, chosen: ChosenWidths) -> None:
    _, color, marker = look("quantized")
    expected = 100 * chosen.float_validation_accuracy
    axes.axhline(expected, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.axhline(expected - chosen.max_accuracy_drop, color=GREY, linewidth=1, linestyle=":", zorder=1)
    steps = sorted(chosen.curve, key=lambda step: step.weight_bytes)
    sizes, accuracies = [each.weight_bytes for each in steps], [100 * each.validation_accuracy for each in steps]
    axes.plot(sizes, accuracies, color=FAINT, linewidth=1.2, zorder=2)
    for number, step in enumerate(chosen.curve):
        place = (step.weight_bytes, 100 * step.validation_accuracy)
        face = color if step.is_chosen else "white"
        axes.scatter(*place, s=36, c=face, edgecolor=color, marker=marker, linewidth=1.4, zorder=3)
        axes.annotate(str(number), place, xytext=(4, 6), textcoords="offset points", color=INK, fontsize=8.5, zorder=4)
    axes.set_title(name)
    axes.set_xlabel("bytes of weights")
    axes.set_ylabel("validation accuracy, %")
    axes.xaxis.set_major_formatter(short_labels(quantities.count))
    axes.grid(color=FAINT, linewidth=0.5, alpha=0.7)
    axes.margins(0.08, 0.15)
