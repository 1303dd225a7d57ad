"""Arrays of pixels in a NumPy archive as images: any usual layout, type and range."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.formats.npz_archive import Archive
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHANNELS = range(1, 5)


def images(archive: Archive, root: Path, names: Sequence[str], warnings: list[str]) -> "NDArray[np.uint8]":
    """The arrays of these names, which hold images of one shape, one after another: uint8 [N, C, H, W].

    They are unpacked block by block into a spool. What of them was rounded is told in `warnings`. Raises DataError for
    any other shape or type, and for pixels out of range.
    """
    spool: Spool | None = None
    for name in names:
        head, where = archive.heads[name], f"{root}: {name}"
        channels, to_bytes = Channels(head.shape, where), _ToBytes(where, head.dtype)
        spool = spool or Spool(channels.shape)
        for block in archive.rows(name):
            pixels = to_bytes(channels.first(block))
            if pixels is not None:
                spool.append(pixels)
        to_bytes.require_inside(warnings)
    assert spool is not None
    return spool.rows()


# What arrays of fewer axes may be, as `samples` says.
_OTHERS = {
    1: "Of texts state `samples: tokens` in the recipe's dataset; pictures reshape.",
    2: "Of rows state `samples: table` in the recipe's dataset, of recordings `samples: signal` with their `rate`, of "
    "ids of words `samples: tokens`; pictures reshape.",
}


class Channels:
    """Images [N, H, W] or [N, H, W, C] or [N, C, H, W] as [N, C, H, W]. Raises DataError for any other shape."""

    def __init__(self, shape: Sequence[int], where: str) -> None:
        first, last = (len(shape) == 4 and shape[axis] in _CHANNELS for axis in (1, -1))
        if len(shape) != 3 and first == last:
            found = "could be channels first or last" if first else "is not of images"
            cure = _OTHERS.get(len(shape), "Reshape it.")
            raise DataError(
                f"{where}: the shape {list(shape)} {found}; allowed are [N, H, W], [N, H, W, C] and [N, C, H, W] with "
                f"C from 1 to 4 and H, W above 4. {cure}"
            )
        self._last = last
        self.shape = (1, *shape[1:]) if len(shape) == 3 else (shape[3], *shape[1:3]) if last else tuple(shape[1:])

    def first(self, block: "NDArray[Any]") -> "NDArray[Any]":
        """Some of the images as [n, C, H, W], a view."""
        return block[:, None] if block.ndim == 3 else block.transpose(0, 3, 1, 2) if self._last else block


@dataclass
class _ToBytes:
    """Pixels of any allowed type as uint8, block after block; what is outside the range is counted over all of them.

    first  of it, if there is any: [sample, channel, row, column] and value
    """

    where: str
    dtype: "np.dtype[Any]"
    samples: int = 0
    outside: int = 0
    first: tuple[list[int], Any] | None = field(default=None)
    rounded: bool = False

    def __post_init__(self) -> None:
        if self.dtype.kind not in "buif":
            raise DataError(
                f"{self.where}: pixels of type {self.dtype}; allowed are bool, integers and floats. Convert them."
            )
        self._top = 1 if self.dtype.kind == "f" else 255

    def __call__(self, block: "NDArray[Any]") -> "NDArray[np.uint8] | None":
        """[n, C, H, W], C-contiguous; None once a pixel is outside the range."""
        import numpy as np

        if self.dtype.kind == "b":
            return np.ascontiguousarray(block, np.uint8) * np.uint8(255)
        if self.dtype != np.uint8:
            self._look_outside(block)
        self.samples += len(block)
        if self.outside:
            return None
        if self.dtype.kind != "f":
            return np.ascontiguousarray(block, np.uint8)
        rounded = np.rint(block.astype(np.float64) * 255)
        self.rounded = self.rounded or not np.allclose(rounded / 255, block, rtol=0, atol=1e-3)
        return np.ascontiguousarray(rounded, np.uint8)

    def _look_outside(self, block: "NDArray[Any]") -> None:
        import numpy as np

        # NaN compares false, so it counts as outside; infinities do anyway.
        inside = (block >= 0) & (block <= self._top)
        if inside.all():
            return
        self.outside += int(np.count_nonzero(~inside))
        if self.first is None:
            sample, *rest = (int(i) for i in np.argwhere(~inside)[0])
            self.first = [self.samples + sample, *rest], block[sample, *rest]

    def require_inside(self, warnings: list[str]) -> None:
        """After the last block: a rounding that lost something is told. Raises DataError if a pixel was outside."""
        if self.first is not None:
            at, value = self.first
            raise DataError(
                f"{self.where}: {self.outside:,} pixel(s) of type {self.dtype} outside 0 to {self._top}, first at "
                f"[sample, channel, row, column] = {at} with value {value}; allowed are integers 0 to 255 or floats 0 "
                f"to 1. Scale or remove them."
            )
        if self.rounded:
            warnings.append(f"{self.where}: floats were rounded to 256 levels, as all images are stored in 8 bits.")
