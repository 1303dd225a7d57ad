"""How far a new data set differs from the last one, told from the training splits of their artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.dataset import load_description, load_split
from compression_ops.data.storage import mapped
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The rule of thumb for a population stability index (Siddiqi 2006): below the first the data are stable, above the
# second they have changed so much that a model should be trained again.
MODERATE, LARGE = 0.1, 0.25
BINS = 10
# A share of zero would make the index infinite: no share counts as less than this.
_FLOOR = 1e-4
_LEVELS = 256
# Pixels counted at a time: counting needs eight bytes for each.
_BLOCK = 2**20


@dataclass(frozen=True)
class Drift:
    """How the current training split differs from the previous one; both indices are >= 0, and 0 for identical data.

    classes          population stability index of the shares of the classes, by name
    pixels           population stability index of all pixels' values, in bins of the previous data's deciles
    added_classes    names that only the current data set has, in its order
    removed_classes  names that only the previous data set has, in its order
    """

    classes: float
    pixels: float
    added_classes: tuple[str, ...]
    removed_classes: tuple[str, ...]

    @property
    def largest(self) -> float:
        """The larger index: see MODERATE and LARGE for what it means."""
        return max(self.classes, self.pixels)


@dataclass(frozen=True)
class _Content:
    """samples: of each class, in the description's order; levels: int64 [256], pixels of each value."""

    samples: Mapping[str, int]
    levels: "NDArray[np.int64]"


def measure(previous: Path, current: Path) -> Drift:
    """Compare two artifacts of the stage `dataset` (see compression_ops.data.dataset); classes and shapes may differ.

    Of the training splits a window is in memory at a time. Raises DataError if either has no sample.
    """
    import numpy as np

    before, after = _content(previous), _content(current)
    names = list(dict.fromkeys([*before.samples, *after.samples]))
    counts = [np.array([content.samples.get(name, 0) for name in names], np.int64) for content in (before, after)]
    edges = decile_edges(before.levels)
    binned = [np.add.reduceat(content.levels, edges) for content in (before, after)]
    return Drift(
        classes=stability_index(*counts),
        pixels=stability_index(*binned),
        added_classes=tuple(name for name in after.samples if name not in before.samples),
        removed_classes=tuple(name for name in before.samples if name not in after.samples),
    )


def stability_index(previous: "NDArray[np.int64]", current: "NDArray[np.int64]") -> float:
    """The population stability index: the sum over all bins of (q - p) ln(q / p), which is Jeffreys' divergence.

    previous, current: samples in each bin, int64 [bins], whose shares are p and q; shares below 0.0001 count as that.
    Even without drift it is about (bins - 1) (1 / samples before + 1 / samples after) by chance (Yurdakul 2018).
    """
    import numpy as np

    p, q = (np.maximum(counts / counts.sum(), _FLOOR) for counts in (previous, current))
    return float(np.sum((q - p) * np.log(q / p)))


def decile_edges(levels: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The first value of each of at most BINS bins that hold equal shares, as nearly as values with ties can.

    levels: int64 [256], how often each value occurs. Where one value alone holds several shares, as black does in most
    of MNIST, these bins are one. What lies above the largest decile is a bin of its own, be it empty.
    """
    import numpy as np

    cumulated = levels.cumsum()
    wanted = np.arange(1, BINS) * cumulated[-1]
    # In whole numbers: value v is the decile k where cumulated[v - 1] < k / 10 of all <= cumulated[v].
    lasts = np.searchsorted(cumulated * BINS, wanted, side="left")
    edges = np.unique(np.concatenate([[0], lasts + 1])).astype(np.int64)
    return edges[edges < _LEVELS]


def _content(folder: Path) -> _Content:
    import numpy as np

    classes, train = load_description(folder).classes, load_split(folder, "train")
    if len(train) == 0:
        raise DataError(f"{folder}: its training split has no sample, so nothing can be compared. Compute it again.")
    samples = np.bincount(train.labels.numpy(), minlength=len(classes)).tolist()
    pixels = train.images.numpy().reshape(-1)
    levels = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(pixels), _BLOCK):
        block = pixels[start : start + _BLOCK]
        levels += np.bincount(block, minlength=_LEVELS)
        mapped.used(block[None])
    return _Content(dict(zip(classes, samples, strict=True)), levels)
