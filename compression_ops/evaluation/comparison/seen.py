"""Whether a model has seen the samples that it is tested on: it may have been trained on another split of the data."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compression_ops.data.dataset import load_arrays
from compression_ops.data.storage import mapped

_ROWS = 1024


def seen(dataset: Path, trained_on: Path) -> int:
    """How many test samples of one data set are, pixel for pixel, in the training or validation split of another."""
    known = {digest for split in ("train", "validation") for digest in _digests(load_arrays(trained_on, split)[0])}
    return sum(digest in known for digest in _digests(load_arrays(dataset, "test")[0]))


def _digests(images: NDArray[np.uint8]) -> Iterator[bytes]:
    for start in range(0, len(images), _ROWS):
        block = images[start : start + _ROWS]
        for image in block:
            yield hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        mapped.used(block)
