"""Which arrays of a NumPy archive hold the samples of a data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.formats.npz_archive import Archive
from compression_ops.data.storage import memory
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Parts:
    """train, test: the names of arrays whose samples come one after another, of test perhaps none; stated: what a
    recipe says of how they are read.
    """

    root: Path
    archive: Archive
    train: Sequence[str]
    test: Sequence[str]
    stated: Mapping[str, int]

    @property
    def where(self) -> str:
        """What errors about all of them begin with."""
        return f"{self.root}: {self.train[0]}"

    def require_one_shape(self, samples: str) -> None:
        """Raises DataError for arrays that cannot be joined; `samples` says what they should be of."""
        heads = {name: self.archive.heads[name] for name in (*self.train, *self.test)}
        kinds = {(head.dtype.kind, head.shape[1:]) for head in heads.values()}
        if not all(head.shape for head in heads.values()) or len(kinds) > 1:
            told = ", ".join(f"{name} {head.dtype} {list(head.shape)}" for name, head in heads.items())
            raise DataError(
                f"{self.root}: {told}; samples of {samples} must be arrays [N, ...] of one type, and of one shape "
                f"without the N."
            )

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Of all arrays."""
        return self.archive.heads[self.train[0]].dtype

    def whole(self, share: float) -> "NDArray[Any]":
        """All arrays, in memory. Raises DataError where that lacks room for them and for what is made of them, which
        takes so large a share of them.
        """
        import numpy as np

        names = (*self.train, *self.test)
        copies = 2 if len(names) > 1 else 1
        taken = sum(self.archive.heads[name].nbytes for name in names)
        memory.require(f"{self.root}: {', '.join(names)}", int((copies + share) * taken))
        arrays = [self.archive.array(name) for name in names]
        return np.concatenate(arrays) if len(arrays) > 1 else arrays[0]

    @property
    def rows(self) -> list[int]:
        """How many samples train has, and test where there is any."""
        counted = (sum(self.archive.heads[name].shape[0] for name in names) for names in (self.train, self.test))
        return [count for count, names in zip(counted, (self.train, self.test), strict=True) if names]

    def apart(self, values: "NDArray[Any]") -> "list[NDArray[Any]]":
        """Values of all samples, those of train and those of test."""
        import numpy as np

        return [np.ascontiguousarray(part) for part in np.split(values, np.cumsum(self.rows)[:-1].tolist())]
