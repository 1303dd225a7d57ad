"""What a data set must satisfy before anything is trained on it, and what a user should know of it."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compression_ops.data.samples import RawData, Samples
from compression_ops.data.storage import blocks, mapped
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Below this ratio of the smallest class to the largest, plain accuracy says little about the smallest.
_BALANCED = 0.1
# Pixels of one image and channel that are summed at a time: their squares fit 32 bits.
_SUMMED = 2**16


def require_sound(raw: RawData) -> None:
    """Check arrays, labels and classes of the raw data.

    Raises DataError if there are fewer than two classes or two have one name, if images and labels do not match in
    number, shape or type, if a label is out of range, or if a class has no sample in a split that the source has.
    """
    if len(raw.classes) < 2:
        raise DataError(f"classes: {list(raw.classes)}; at least two are needed. Add samples of another class.")
    repeated = sorted({name for name in raw.classes if raw.classes.count(name) > 1})
    if repeated:
        raise DataError(f"class names: {repeated} stand more than once; each must be unique. Rename one of them.")
    _require_samples("train", raw.train, raw.classes)
    if isinstance(raw.test, Samples):
        _require_samples("test", raw.test, raw.classes)
        if raw.test.images.shape[1:] != raw.train.images.shape[1:]:
            raise DataError(
                f"images of differing shapes (channels, height, width): {raw.train.images.shape[1:]} in train, "
                f"{raw.test.images.shape[1:]} in test; all must be equal. Resize or convert them to one shape."
            )


def _require_samples(split: str, samples: Samples, classes: Sequence[str]) -> None:
    import numpy as np

    images, labels = samples.images, samples.labels
    if images.dtype != np.uint8 or images.ndim != 4 or labels.dtype != np.int64 or labels.ndim != 1:
        raise DataError(
            f"{split}: images {images.dtype} {list(images.shape)}, labels {labels.dtype} {list(labels.shape)}; "
            f"a data source must give images uint8 [N, C, H, W] and labels int64 [N]."
        )
    if len(images) != len(labels):
        raise DataError(f"{split}: {len(images)} images and {len(labels)} labels; there must be one label an image.")
    if 0 in images.shape[1:]:
        raise DataError(f"{split}: images of shape {list(images.shape[1:])} hold no pixel. Give images of one or more.")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DataError(
            f"{split}: {len(wrong)} label(s) out of range, first sample {wrong[0]} with label {labels[wrong[0]]}; "
            f"allowed are 0 to {len(classes) - 1}. Correct the labels or name the missing classes."
        )
    counts = np.bincount(labels, minlength=len(classes))
    if empty := [name for name, count in zip(classes, counts, strict=True) if not count]:
        raise DataError(
            f"{split}: no sample of {len(empty)} class(es): {', '.join(map(repr, empty[:5]))}; every class must have "
            f"some. Add samples or remove the class."
        )


def pixel_statistics(images: "NDArray[np.uint8]", where: str) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
    """Mean and standard deviation of each channel's pixels scaled to [0, 1]; and warnings.

    images: uint8 [N, C, H, W]. From integer sums, so exact but for the last rounding and equal on every machine. A
    channel with one value only gets the standard deviation 1, so that dividing by it is harmless, and a warning;
    raises DataError if all are such.
    """
    import numpy as np

    size = len(images) * images.shape[2] * images.shape[3]
    totals, squares = np.zeros((2, images.shape[1]), np.uint64)
    for block_totals, block_squares in blocks.in_parallel(_sums, blocks.of(images)):
        totals += block_totals
        squares += block_squares
    sums = list(zip(map(int, totals), map(int, squares), strict=True))
    means = [total / (255 * size) for total, _ in sums]
    deviations = [math.sqrt(size * square - total * total) / (255 * size) for total, square in sums]
    if not any(deviations):
        raise DataError(f"{where}: every pixel has the same value; there is nothing to learn. Check the images.")
    constant = [channel for channel, deviation in enumerate(deviations) if not deviation]
    warnings = [
        f"{where}: channel {channel} has the same value in every pixel; it tells nothing." for channel in constant
    ]
    return tuple(means), tuple(deviation or 1.0 for deviation in deviations), warnings


def _sums(images: "NDArray[np.uint8]") -> tuple["NDArray[np.uint64]", "NDArray[np.uint64]"]:
    """The sum of each channel's pixels, and of their squares."""
    import numpy as np

    totals, squares = np.zeros((2, images.shape[1]), np.uint64)
    pixels = images.reshape(*images.shape[:2], -1)
    for start in range(0, pixels.shape[2], _SUMMED):
        part = pixels[:, :, start : start + _SUMMED]
        totals += part.sum(axis=2, dtype=np.uint32).sum(axis=0, dtype=np.uint64)
        products = np.einsum("ncp,ncp->nc", part, part, dtype=np.uint32, casting="unsafe")
        squares += products.sum(axis=0, dtype=np.uint64)
    mapped.used(images)
    return totals, squares


def class_balance(labels: "NDArray[np.int64]", classes: Sequence[str]) -> tuple[float, list[str]]:
    """Samples of the smallest class over samples of the largest, in (0, 1]; and a warning where it is below 0.1."""
    import numpy as np

    counts = np.bincount(labels, minlength=len(classes))
    small, large = int(counts.argmin()), int(counts.argmax())
    balance = float(counts[small] / counts[large])
    if balance >= _BALANCED:
        return balance, []
    return balance, [
        f"classes are unbalanced: {counts[small]:,} training samples of {classes[small]!r}, {counts[large]:,} of "
        f"{classes[large]!r}; accuracy says little about the small ones."
    ]


def duplicates_across_splits(digests: Mapping[str, Sequence[bytes]]) -> tuple[int, list[str]]:
    """Test samples whose image also stands in train or validation; and a warning where there are any.

    digests: those of each split's images, in order.
    """
    seen = {*digests["train"], *digests["validation"]}
    repeated = [index for index, digest in enumerate(digests["test"]) if digest in seen]
    if not repeated:
        return 0, []
    return len(repeated), [
        f"{len(repeated):,} of {len(digests['test']):,} test samples have an image that also stands in train or "
        f"validation (first: test sample {repeated[0]}): on them, accuracy measures memory."
    ]
