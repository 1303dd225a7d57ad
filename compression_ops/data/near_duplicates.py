"""Pictures of one split that stand in another too, scaled, recompressed or lit otherwise, so that bytes differ.

A picture's fingerprint is its 16 x 16 lowest DCT coefficients without the mean, as in the perceptual hash pHash (Zauner
2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", 3.2.1), scaled to length 1. They are kept as
numbers: cut to pHash's 64 bits, or to 256, unrelated pictures agree in every bit (measured: cells of solar modules,
handwritten digits, patches of photographs). Two pictures are near-duplicates where the cosine of their fingerprints is
above 0.999, which neither brightness nor contrast changes; a colour picture's channels must agree to 0.98 as well.

Of 32 pixels a side and more; those of 8 to 31 are compared pixel by pixel (`near_duplicates_small`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compression_ops.data import near_duplicates_small
from compression_ops.data.file_names import listed
from compression_ops.data.storage import mapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 32
ALIKE = 0.999
# JPEG keeps colours at half the size, so copies agree less in them.
_COLOURS_ALIKE = 0.98
_KEPT, _COARSE = 16, 8
# Pixels transformed at a time, and fingerprints compared with as many others at a time (16 MiB).
_PIXELS, _ROWS, _COLUMNS = 2**22, 1024, 4096
# A fingerprint shorter than this, in grey levels times the root of the pixels, is of a picture without contents.
_BLANK = 0.5


def across_splits(
    images: Mapping[str, "NDArray[np.uint8]"],
    digests: Mapping[str, Sequence[bytes]],
    names: Mapping[str, Sequence[str]],
) -> tuple[int, list[str]]:
    """Samples of test whose near-duplicate is in train or validation, and of validation whose is in train: how many,
    and a warning that names the first pairs.

    images: uint8 [N, C, H, W] of each split; digests and names: of each image. Identical images are no near-duplicates:
    soundness tells of them. Nothing is compared where H or W is below 8. Every pair takes 130 operations, every sample
    a kilobyte: 10,000 against 60,000 are 80 GFLOP, measured 11 s on two cores that other jobs used too.
    """
    side = min(images["train"].shape[2:])
    if side < near_duplicates_small.SMALLEST:
        return 0, []
    search = _by_fingerprints(images) if side >= SMALLEST else near_duplicates_small.search(images)
    warnings, count = list[str](), 0
    for name, others in (("test", ("train", "validation")), ("validation", ("train",))):
        pairs = list[str]()
        known = {digest for other in others for digest in digests[other]}
        candidates = [i for i, digest in enumerate(digests[name]) if digest not in known]
        for i, other, j in _matches(candidates, name, others, images, search):
            pairs.append(f"{names[name][i]} like {names[other][j]}")
        if pairs:
            count += len(pairs)
            warnings.append(
                f"{len(pairs):,} of {len(digests[name]):,} {name} samples look like one of {' or '.join(others)}, "
                f"though their bytes differ (copies in another size, format or light, or frames of one film): on them, "
                f"accuracy measures memory. Remove copies, or keep what belongs together by dataset.groups: "
                f"{listed(pairs)}."
            )
    return count, warnings


def _matches(
    candidates: Sequence[int],
    name: str,
    others: Sequence[str],
    images: Mapping[str, "NDArray[np.uint8]"],
    search: near_duplicates_small.Search,
) -> list[tuple[int, str, int]]:
    """(sample, split of its near-duplicate, number there) of each candidate that has one, the first split's first."""
    import numpy as np

    found: dict[int, tuple[int, str, int]] = {}
    for other in others:
        waiting = np.array([i for i in candidates if i not in found], np.int64)
        nearest, alike = search(name, waiting, other)
        for i, j in zip(waiting[alike].tolist(), nearest[alike].tolist(), strict=True):
            if _colours_agree(images[name][i], images[other][j]):
                found[i] = (i, other, j)
    return [found[i] for i in sorted(found)]


def _by_fingerprints(images: Mapping[str, "NDArray[np.uint8]"]) -> near_duplicates_small.Search:
    prints = {name: fingerprints(split) for name, split in images.items()}

    def nearest(name: str, rows: "NDArray[np.int64]", other: str) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
        found, cosine = most_alike(prints[name][rows], prints[other])
        return found, cosine > ALIKE

    return nearest


def fingerprints(images: "NDArray[np.uint8]") -> "NDArray[np.float32]":
    """Of the mean of each image's channels: float32 [N, 256], rows of length 1, or 0 for a picture of one level.

    images: uint8 [N, C, H, W], H and W at least 16. The 8 x 8 lowest frequencies stand first.
    """
    import numpy as np

    kept = np.empty((len(images), _KEPT * _KEPT), np.float32)
    order = _coarse_first()
    step = max(1, _PIXELS // max(1, images[:1].size))
    for start in range(0, len(images), step):
        block = images[start : start + step]
        kept[start : start + step] = _lowest(block.mean(axis=1, dtype=np.float32)).reshape(-1, _KEPT * _KEPT)[:, order]
        mapped.used(block)
    kept[:, 0] = 0
    length = np.linalg.norm(kept, axis=1, keepdims=True)
    blank = length < _BLANK * np.sqrt(images.shape[2] * images.shape[3])
    return np.where(blank, 0, kept / np.maximum(length, 1e-6)).astype(np.float32)


def most_alike(
    ours: "NDArray[np.float32]", theirs: "NDArray[np.float32]"
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """For each of our fingerprints, the most similar of theirs (int64 [N]) and the cosine between them (float32 [N]);
    a cosine that is certainly below 0.999 is 0.

    The product of the 64 lowest coefficients, and Cauchy-Schwarz on the rest, bounds a cosine from above: only rows
    with a bound above 0.999 are multiplied in full.
    """
    import numpy as np

    nearest, cosine = np.zeros(len(ours), np.int64), np.zeros(len(ours), np.float32)
    coarse_ours, coarse_theirs = _coarse(ours), _coarse(theirs)
    for top in range(0, len(ours), _ROWS):
        for left in range(0, len(theirs), _COLUMNS):
            block = slice(left, left + _COLUMNS)
            bound = coarse_ours[top : top + _ROWS] @ coarse_theirs[block].T
            rows = top + np.flatnonzero(bound.max(axis=1) > ALIKE)
            if not len(rows):
                continue
            exact = ours[rows] @ theirs[block].T
            best = exact.argmax(axis=1)
            value = exact[np.arange(len(rows)), best]
            better = value > cosine[rows]
            nearest[rows[better]], cosine[rows[better]] = left + best[better], value[better]
    return nearest, cosine


def _coarse(prints: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """The 64 lowest coefficients, then the length of the others: [N, 65]."""
    import numpy as np

    rest = np.linalg.norm(prints[:, _COARSE * _COARSE :], axis=1, keepdims=True)
    return np.hstack([prints[:, : _COARSE * _COARSE], rest]).astype(np.float32)


def _lowest(images: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """The lowest coefficients of the orthonormal DCT-II of images [..., H, W]: [..., 16, 16]."""
    height, width = images.shape[-2:]
    return (_cosines(height) @ (images @ _cosines(width).T)).astype(images.dtype, copy=False)


def _cosines(size: int) -> "NDArray[np.float32]":
    """The first 16 rows of the orthonormal DCT-II matrix: [16, size]."""
    import numpy as np

    angles = np.arange(_KEPT)[:, None] * (2 * np.arange(size) + 1) * (np.pi / (2 * size))
    scale = np.where(np.arange(_KEPT) == 0, np.sqrt(1 / size), np.sqrt(2 / size))
    return np.asarray(np.cos(angles) * scale[:, None], np.float32)


def _coarse_first() -> "NDArray[np.int64]":
    """An order of the 256 coefficients, the mean first and the 8 x 8 lowest before all others."""
    import numpy as np

    coarse = np.zeros((_KEPT, _KEPT), bool)
    coarse[:_COARSE, :_COARSE] = True
    return np.argsort(~coarse.reshape(-1), kind="stable")


def _colours_agree(ours: "NDArray[np.uint8]", theirs: "NDArray[np.uint8]") -> bool:
    """Whether two images [C, H, W] are alike in all channels together: their colours, not only their shades."""
    import numpy as np

    if len(ours) == 1:
        return True
    vectors = [image.astype(np.float32) - image.mean(dtype=np.float32) for image in (ours, theirs)]
    if min(ours.shape[1:]) >= SMALLEST:
        vectors = [_lowest(vector) for vector in vectors]
    first, second = (vector.reshape(-1) for vector in vectors)
    return bool(first @ second > _COLOURS_ALIKE * np.linalg.norm(first) * np.linalg.norm(second))
