"""How far a new data set differs from the last one, told from the training splits of their artifacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.dataset import load_arrays, load_description
from compression_ops.data.modalities import stability
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The rule of thumb for a population stability index (Siddiqi 2006): below the first the data are stable, above the
# second they have changed so much that a model should be trained again.
MODERATE, LARGE = 0.1, 0.25


@dataclass(frozen=True)
class Drift:
    """How the current training split differs from the previous one; both indices are >= 0, and 0 for identical data.

    classes          population stability index of the shares of the classes, by name
    samples          that of what the samples hold (see compression_ops.data.modalities): of images all pixels' values
    added_classes    names that only the current data set has, in its order
    removed_classes  names that only the previous data set has, in its order
    part             where samples have parts with names, as columns have, the one that has moved most
    """

    classes: float
    samples: float
    added_classes: tuple[str, ...]
    removed_classes: tuple[str, ...]
    part: str | None = None

    @property
    def largest(self) -> float:
        """The larger index: see MODERATE and LARGE for what it means."""
        return max(self.classes, self.samples)


def are_alike(previous: Path, current: Path) -> bool:
    """Whether the samples of two artifacts are of one kind, so that they can be compared."""
    return load_description(previous).modality.type == load_description(current).modality.type


def measure(previous: Path, current: Path) -> Drift:
    """Compare two artifacts of the stage `dataset` (see compression_ops.data.dataset); classes and shapes may differ.

    Raises DataError if either has no sample in its training split, or if their samples are of different kinds.
    """
    import numpy as np

    former, description = load_description(previous), load_description(current)
    if former.modality.type != description.modality.type:
        raise DataError(
            f"{current}: its samples are {description.modality.noun}, and those of {previous} {former.modality.noun}; "
            "nothing can be compared"
        )
    (before, labels), (after, new) = _train(previous), _train(current)
    names = list(dict.fromkeys([*former.classes, *description.classes]))
    counts = [_by_name(labels, former.classes, names), _by_name(new, description.classes, names)]
    parts = description.modality.drifts(before, after, former.modality)
    return Drift(
        classes=stability.index(*(np.array(each, np.int64) for each in counts)),
        samples=max(parts.values()) if parts else description.modality.drift(before, after, former.modality),
        added_classes=tuple(name for name in description.classes if name not in former.classes),
        removed_classes=tuple(name for name in former.classes if name not in description.classes),
        part=max(parts, key=lambda name: parts[name], default=None),
    )


def _train(folder: Path) -> "tuple[NDArray[Any], NDArray[np.int64]]":
    samples, labels = load_arrays(folder, "train")
    if len(labels) == 0:
        raise DataError(f"{folder}: its training split has no sample, so nothing can be compared. Compute it again.")
    return samples, labels


def _by_name(labels: "NDArray[np.int64]", classes: Sequence[str], names: Sequence[str]) -> list[int]:
    """How many samples each of `names` has."""
    import numpy as np

    counts = dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))
    return [counts.get(name, 0) for name in names]
