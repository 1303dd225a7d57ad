"""Raw data: what every data source reads, before it is checked and split."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compression_ops.data.modalities import known
from compression_ops.data.modalities.modality import Modality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """Samples and their classes.

    values  [N, ...] as the modality says, C-contiguous, in memory or a Spool's rows: of images uint8 [N, C, H, W]
    labels  int64 [N]
    groups  text [N]; no split may part the samples of one group. None where none are stated
    names   text [N], by which a person finds each sample. None where they have none but their number
    """

    values: "NDArray[Any]"
    labels: "NDArray[np.int64]"
    groups: "NDArray[np.str_] | None" = None
    names: "NDArray[np.str_] | None" = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class HoldOut:
    """Stands for the test split of a source that has none: `fraction` of the samples, chosen by their content."""

    fraction: float


@dataclass(frozen=True)
class RawData:
    """What a source holds.

    train     the samples for training and validation (and test, where `test` is a HoldOut)
    test      the source's own test split, or the share to hold out
    classes   class names; label i means classes[i]
    warnings  sentences that a user should read (files left out, values rounded)
    modality  what the samples are
    """

    train: Samples
    test: Samples | HoldOut
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    modality: Modality = field(default_factory=known.unstated)
