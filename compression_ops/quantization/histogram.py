"""Histograms of the values that flow through a model, in memory that does not grow with the number of samples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compression_ops.quantization.activations import Ranges, Replay


@dataclass(frozen=True)
class Histogram:
    """counts int64 [B] over B bins of equal width that span [low, high]."""

    counts: np.ndarray
    low: float
    high: float

    @property
    def edges(self) -> np.ndarray:
        """float64 [B + 1]."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)


def collect(
    replay: Replay, spans: Ranges, bins: int, select: Callable[[np.ndarray], np.ndarray] = np.ravel
) -> dict[str, Histogram]:
    """Count the selected values of each tensor that has a span; those outside it are left out."""
    counts = {name: np.zeros(bins, dtype=np.int64) for name in spans}
    for batch in replay():
        for name in spans:
            # In double precision, so that the largest float32 value falls into the last bin and not beside it.
            counts[name] += np.histogram(select(batch[name]).astype(np.float64), bins=bins, range=spans[name])[0]
    return {name: Histogram(counts[name], *span) for name, span in spans.items()}
