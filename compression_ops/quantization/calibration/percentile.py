"""Calibration by percentiles: a few extreme values are clipped, so that all others get finer steps."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.spec import Spec

if TYPE_CHECKING:
    from compression_ops.quantization.activations import Ranges, Replay
    from compression_ops.quantization.histogram import Histogram

_BINS = 8192


class Percentile(Spec):
    """Clips an equal share of the values at each end (McKinstry et al. 2019)."""

    method: Literal["percentile"]
    samples: int = Field(default=512, ge=1, le=1_000_000, description="Training samples to calibrate on.")
    percentile: float = Field(default=99.99, gt=50, le=100, description="Share of the values that is kept, in percent.")


def calibrate(spec: Percentile, replay: "Replay") -> "Ranges":
    """For each tensor the central range that holds `percentile` percent of its values.

    The values are counted in 8,192 bins from the smallest to the largest; a bound is exact to one of them.
    """
    from compression_ops.quantization import activations, histogram

    counted = histogram.collect(replay, activations.bounds(replay), _BINS)
    return {name: _central(histogram, spec.percentile / 100) for name, histogram in counted.items()}


def _central(histogram: "Histogram", share: float) -> tuple[float, float]:
    import numpy as np

    cumulated = np.concatenate([[0], np.cumsum(histogram.counts)])
    tail = (1 - share) / 2 * cumulated[-1]
    # The last edge with no more than `tail` values below it, the first with no more than `tail` values above it.
    left = int(np.searchsorted(cumulated, tail, side="right")) - 1
    right = int(np.searchsorted(cumulated, cumulated[-1] - tail, side="left"))
    edges = histogram.edges
    return float(edges[min(left, len(edges) - 2)]), float(edges[max(right, 1)])
