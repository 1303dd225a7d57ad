"""The population stability index: how far what a model sees differs from what it saw (Siddiqi 2006)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 10
# A share of zero would make the index infinite: no share counts as less than this.
_FLOOR = 1e-4


def index(previous: "NDArray[np.int64]", current: "NDArray[np.int64]") -> float:
    """The sum over all bins of (q - p) ln(q / p), which is Jeffreys' divergence.

    previous, current: samples in each bin, int64 [bins], whose shares are p and q; shares below 0.0001 count as that.
    Even without drift it is about (bins - 1) (1 / samples before + 1 / samples after) by chance (Yurdakul 2018).
    """
    import numpy as np

    p, q = (np.maximum(counts / counts.sum(), _FLOOR) for counts in (previous, current))
    return float(np.sum((q - p) * np.log(q / p)))


def of_values(previous: "NDArray[np.int64]", current: "NDArray[np.int64]") -> float:
    """Of how often each value occurs, int64 [values], in bins of the previous ones' deciles."""
    import numpy as np

    edges = decile_edges(previous)
    return index(*(np.add.reduceat(counts, edges) for counts in (previous, current)))


def decile_edges(levels: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The first value of each of at most BINS bins that hold equal shares, as nearly as values with ties can.

    levels: int64 [values], how often each value occurs. Where one value alone holds several shares, as black does in
    most of MNIST, these bins are one. What lies above the largest decile is a bin of its own, be it empty.
    """
    import numpy as np

    cumulated = levels.cumsum()
    wanted = np.arange(1, BINS) * cumulated[-1]
    # In whole numbers: value v is the decile k where cumulated[v - 1] < k / 10 of all <= cumulated[v].
    lasts = np.searchsorted(cumulated * BINS, wanted, side="left")
    edges = np.unique(np.concatenate([[0], lasts + 1])).astype(np.int64)
    return edges[edges < len(levels)]
