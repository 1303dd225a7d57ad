"""Figure: how often each model is right where it is about so sure, a reliability diagram (Guo et al. 2017)."""

from matplotlib.axes import Axes

from compression_ops import quantities
from compression_ops.evaluation.family import Role
from compression_ops.evaluation.models.calibration import Calibration
from compression_ops.report.contents import Report
from compression_ops.report.plots.style import FAINT, GREY, WIDTH_INCHES, look, new_figure, svg

_COLUMNS = 4
_SMALLEST, _LARGEST = 14, 170  # area of a point, in square points


def draw(report: Report) -> str | None:
    """One panel a model that is no control; None where nothing is known of any."""
    found = [
        (model, model.calibration)
        for model in report.models
        if model.calibration is not None and model.role != "control"
    ]
    if not found:
        return None
    columns = min(_COLUMNS, max(3, len(found)))
    rows = -(-len(found) // columns)
    with new_figure(rows * (WIDTH_INCHES / columns + 0.3)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (model, calibration) in zip(panels, found, strict=False):
            _panel(axes, calibration, model.role)
            axes.set_title(f"{model.name}, ECE {quantities.percent(model.quality.expected_calibration_error)}")
        for axes in panels[len(found) :]:
            axes.set_axis_off()
        return svg(figure)


def _panel(axes: Axes, calibration: Calibration, role: Role) -> None:
    most = max(each.samples for each in calibration.bins)
    areas = [max(_SMALLEST, _LARGEST * each.samples / most) for each in calibration.bins]
    confidences = [100 * each.confidence for each in calibration.bins]
    accuracies = [100 * each.accuracy for each in calibration.bins]
    _, color, _ = look(role)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.plot(confidences, accuracies, color=FAINT, linewidth=1.2, zorder=2)
    axes.scatter(confidences, accuracies, s=areas, c=color, alpha=0.75, linewidth=0, zorder=3)
    axes.set_xlabel("confidence, %")
    axes.set_ylabel("right, %")
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.set_aspect("equal")
    axes.grid(color=FAINT, linewidth=0.5, alpha=0.7)
