"""Arrays of pixels as images."""

from typing import TYPE_CHECKING

from compression_ops.data.formats import npz_pixels
from compression_ops.data.formats.npz_parts import Parts
from compression_ops.data.modalities.images import Images
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check(parts: Parts) -> None:
    """Raises DataError for arrays of another shape than images have, and where such that are joined differ."""
    heads = parts.archive.heads
    shapes = {
        name: npz_pixels.Channels(heads[name].shape, f"{parts.root}: {name}").shape
        for name in (*parts.train, *parts.test)
    }
    first, *others = parts.train
    if other := next((name for name in others if shapes[name] != shapes[first]), None):
        raise DataError(
            f"{parts.root}: images of differing shapes: {shapes[first]} in {first}, {shapes[other]} in {other} "
            f"(channels, height, width); all must be equal."
        )


def read(parts: Parts, warnings: list[str]) -> "tuple[list[NDArray[np.uint8]], Images]":
    """Uint8 [N, C, H, W], unpacked block by block into a spool (see compression_ops.data.storage.spool)."""
    named = (names for names in (parts.train, parts.test) if names)
    return [npz_pixels.images(parts.archive, parts.root, names, warnings) for names in named], Images()
