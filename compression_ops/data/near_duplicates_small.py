"""The near-duplicates of pictures of 8 to 31 pixels a side, in which the lowest frequencies are nearly all there is.

Two are alike where the correlation of all their grey pixels is above 0.996. Drawn pictures, such as digits, stay below:
what is alike there is a copy. Photographs of one thing in one light, such as solar cells, come above without being
copies; so where one in a hundred training samples has another that is as alike, 0.999 is asked of all.

A correlation is the product of two pictures without their mean, scaled to length 1. The product of their shadows in a
few directions, and Cauchy-Schwarz on what is left, bounds it from above; only rows with a bound above the threshold are
multiplied in full. In memory is a shadow of each sample, 132 bytes, and blocks; pixels stay in their mapped file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compression_ops.data.storage import blocks, mapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 8
ALIKE, STRICTLY_ALIKE = 0.996, 0.999
# Of so many training samples so many may have another that is alike, before a copy takes more than that.
_LOOKED_AT, _LOOK_ALIKES = 1000, 0.01
# Above this it is the same picture: rounding in float32 is below 1e-5.
_SAME = 0.99999
_ROUNDING = 1e-5
_DIRECTIONS, _FROM = 32, 512
_ROWS, _COLUMNS = 1024, 2048
# A picture whose levels deviate by less than this has no contents.
_BLANK = 0.5

# Which of a split's samples (int64 [N]) are searched in which other split: (number of the most alike there, int64 [N];
# whether it is a near-duplicate by its shades, bool [N]).
Search = Callable[[str, "NDArray[np.int64]", str], "tuple[NDArray[np.int64], NDArray[np.bool_]]"]


@dataclass(frozen=True)
class _Pictures:
    """images: uint8 [N, C, H, W]; shadows: float32 [N, directions + 1], the last of them the length of what is left."""

    images: "NDArray[np.uint8]"
    shadows: "NDArray[np.float32]"


def search(images: Mapping[str, "NDArray[np.uint8]"]) -> Search:
    """In the splits, of which `train` is one, uint8 [N, C, H, W] each.

    10,000 samples against 60,000 of 28 x 28 take 3 s of one core where few come near each other, and at most 950 GFLOP.
    """
    directions = _directions(images["train"])
    splits = {name: _Pictures(split, _shadows(split, directions)) for name, split in images.items()}
    threshold = _threshold(splits["train"])

    def nearest(name: str, rows: "NDArray[np.int64]", other: str) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
        found, correlation = _most_alike(splits[name], rows, splits[other], threshold)
        return found, correlation > threshold

    return nearest


def _threshold(train: _Pictures) -> float:
    """0.996, or 0.999 where so much is alike among training samples that are not the same."""
    import numpy as np

    count = min(_LOOKED_AT, len(train.images))
    rows = np.arange(count, dtype=np.int64) * len(train.images) // max(count, 1)
    _, correlation = _most_alike(train, rows, train, ALIKE, below=_SAME)
    return STRICTLY_ALIKE if (correlation > ALIKE).sum() > _LOOK_ALIKES * count else ALIKE


def _most_alike(
    ours: _Pictures, rows: "NDArray[np.int64]", theirs: _Pictures, above: float, below: float = 2.0
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """For each of our rows the number of the most alike of theirs, and the correlation (float32 [rows]), of those
    between `above` and `below`; 0 where there is none.
    """
    import numpy as np

    nearest, correlation = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.float32)
    for left in range(0, len(theirs.images), _COLUMNS):
        columns = slice(left, left + _COLUMNS)
        their_pixels = None
        for top in range(0, len(rows), _ROWS):
            part = rows[top : top + _ROWS]
            bound = ours.shadows[part] @ theirs.shadows[columns].T
            hit = np.flatnonzero(bound.max(axis=1) > above - _ROUNDING)
            if not len(hit):
                continue
            if their_pixels is None:
                their_pixels = _unit(theirs.images[columns])
            exact = _unit(ours.images[part[hit]]) @ their_pixels.T
            exact[(exact <= above) | (exact >= below)] = 0
            best = exact.argmax(axis=1)
            value, at = exact[np.arange(len(hit)), best], top + hit
            better = value > correlation[at]
            nearest[at[better]], correlation[at[better]] = left + best[better], value[better]
            mapped.used(ours.images[: len(hit)], scattered=True)
        mapped.used(theirs.images[columns])
    return nearest, correlation


def _unit(images: "NDArray[np.uint8]") -> "NDArray[np.float32]":
    """The grey pixels of each image without their mean, of length 1, or 0 where they are of one level: [N, H W]."""
    import numpy as np

    grey = images.mean(axis=1, dtype=np.float32) if images.shape[1] > 1 else images[:, 0].astype(np.float32)
    pixels = grey.reshape(len(images), -1)
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    blank = length < _BLANK * np.sqrt(pixels.shape[1])
    pixels /= np.where(blank, np.inf, length)
    return pixels


def _directions(images: "NDArray[np.uint8]") -> "NDArray[np.float32]":
    """Those in which some of the images lie furthest apart: an orthonormal float32 [H W, at most 32].

    Any would do for the bound. These are the first singular vectors, by those of the smaller Gram matrix.
    """
    import numpy as np

    count = min(_FROM, len(images))
    some = _unit(images[np.arange(count) * len(images) // max(count, 1)])
    _, vectors = np.linalg.eigh(some @ some.T)
    return np.linalg.qr(some.T @ vectors[:, ::-1][:, :_DIRECTIONS])[0]


def _shadows(images: "NDArray[np.uint8]", directions: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    shadows = np.zeros((len(images), directions.shape[1] + 1), np.float32)
    for rows in blocks.slices(len(images), images[:1].nbytes):
        pixels = _unit(images[rows])
        inside = pixels @ directions
        shadows[rows, :-1] = inside
        left = (pixels**2).sum(axis=1) - (inside**2).sum(axis=1)
        shadows[rows, -1] = np.sqrt(np.maximum(left, 0))
        mapped.used(images[rows])
    return shadows
