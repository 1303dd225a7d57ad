"""Figure: how the latency of each model is distributed, not only where its middle lies."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from compression_ops import quantities
from compression_ops.evaluation.latency import Latency
from compression_ops.report.contents import Report
from compression_ops.report.plots.style import FAINT, logarithmic, look, new_figure, svg

_COLUMNS = 2
_BINS = 80
_HALF_HEIGHT = 0.38
# Rare interruptions by the system stretch the scale so far that nothing else can be seen.
_DRAWN_QUANTILES = (0.002, 0.995)


def draw(report: Report) -> str:
    """One panel a batch size, one violin a model: density on a logarithmic scale, with p50, p95 and p99."""
    batch_sizes = report.conditions.sizes
    columns = min(_COLUMNS, len(batch_sizes))
    rows = -(-len(batch_sizes) // columns)
    with new_figure(rows * (1.0 + 0.4 * len(report.models))) as figure:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axes, batch_size in zip(panels, batch_sizes, strict=False):
            _panel(axes, report, batch_size)
        for axes in panels[len(batch_sizes) :]:
            axes.set_axis_off()
        return svg(figure)


def _panel(axes: Axes, report: Report, batch_size: int) -> None:
    latencies = [report.latency[model.name, batch_size] for model in report.models]
    axes.set_xscale("log")
    for row, (model, latency) in enumerate(zip(report.models, latencies, strict=True)):
        _violin(axes, row, latency, look(model.role)[1])
    axes.set_yticks(range(len(report.models)), [model.name for model in report.models])
    axes.set_ylim(len(report.models) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(
        min(_drawn(latency)[0] for latency in latencies) / 1.3,
        max(max(_drawn(latency)[-1], latency.p99_us) for latency in latencies) * 1.15,
    )
    logarithmic(axes, quantities.duration)
    axes.set_title(f"Batch {batch_size}")
    axes.set_xlabel("Latency of one call")
    axes.grid(axis="x", color=FAINT, linewidth=0.5, alpha=0.7)
    axes.set_axisbelow(True)


def _violin(axes: Axes, row: int, latency: Latency, color: str) -> None:
    values, density = _density(_drawn(latency))
    axes.fill_between(values, row - _HALF_HEIGHT * density, row + _HALF_HEIGHT * density, color=color, alpha=0.3, lw=0)
    axes.plot([latency.p50_us, latency.p99_us], [row, row], color=color, linewidth=1)
    axes.plot(latency.p50_us, row, "o", color=color, markersize=5.5)
    for percentile, height in ((latency.p95_us, 0.16), (latency.p99_us, 0.24)):
        axes.vlines(percentile, row - height, row + height, color=color, linewidth=1.6)


def _drawn(latency: Latency) -> NDArray[np.float64]:
    count = len(latency.samples_us)
    first, last = (round(quantile * (count - 1)) for quantile in _DRAWN_QUANTILES)
    return latency.samples_us[first : last + 1]


def _density(samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(values, density in [0, 1]) of the logarithms, smoothed over a few bins; also of samples that are all equal."""
    logs = np.log(samples)
    margin = max(0.15 * (logs[-1] - logs[0]), 0.01)
    counts, edges = np.histogram(logs, bins=_BINS, range=(logs[0] - margin, logs[-1] + margin))
    kernel = np.exp(-0.5 * (np.arange(-9, 10) / 3) ** 2)
    smooth = np.convolve(counts, kernel, mode="same")
    return np.exp((edges[:-1] + edges[1:]) / 2), smooth / smooth.max()
