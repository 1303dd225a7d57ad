"""Names in a plot cover neither each other nor the points, also where points crowd."""

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from compression_ops.report.plots import labels


def placed(positions: list[tuple[float, float]]) -> tuple[Axes, list[Bbox]]:
    figure = Figure(figsize=(6, 4), dpi=72)
    axes = figure.subplots()
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    names = [f"quantized_student/model-{index}" for index in range(len(positions))]
    labels.place(figure, axes, names, positions, [(y - 0.05, y + 0.05) for _, y in positions])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    texts = [child for child in axes.get_children() if isinstance(child, Annotation)]
    assert sorted(text.get_text() for text in texts) == sorted(names)
    return axes, [Text.get_window_extent(text, renderer) for text in texts]


@pytest.mark.parametrize(
    "positions",
    [
        [(5.0, 0.5)],
        [(5.0, 0.5), (5.0, 0.5)],
        [(5.0, 0.5), (5.2, 0.51), (4.9, 0.47), (5.1, 0.55), (4.7, 0.5)],
        [(0.0, 0.0), (10.0, 1.0), (0.0, 1.0), (10.0, 0.0)],
        [(1.0 + index, 0.9 + index / 100) for index in range(8)],
    ],
)
def test_names_stay_apart_inside_the_axes_and_off_the_points(positions: list[tuple[float, float]]) -> None:
    axes, boxes = placed(positions)
    frame = axes.get_window_extent()
    for index, box in enumerate(boxes):
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
        assert not any(box.overlaps(other.shrunk(0.9, 0.9)) for other in boxes[:index])
        assert not any(box.contains(*axes.transData.transform(position)) for position in positions)
