"""Whether a model has seen the samples that it is tested on: it may have been trained on another split of the data."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from compression_ops.data.dataset import load_arrays, load_description
from compression_ops.data.storage import mapped

_ROWS = 1024


def seen(dataset: Path, trained_on: Path) -> int:
    """How many test samples of one data set are, value for value, in the training or validation split of another.

    Codes of words and categories are compared as the test samples have them.
    """
    now, former = load_description(dataset).modality, load_description(trained_on).modality
    if now.type != former.type:
        return 0
    known = {
        digest
        for split in ("train", "validation")
        for digest in _digests(load_arrays(trained_on, split)[0], lambda block: former.translated(block, now))
    }
    return sum(digest in known for digest in _digests(load_arrays(dataset, "test")[0], lambda block: block))


def _digests(values: NDArray[Any], written: Callable[[NDArray[Any]], NDArray[Any]]) -> Iterator[bytes]:
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        for sample in written(block):
            yield hashlib.blake2b(sample.tobytes(), digest_size=16).digest()
        mapped.used(block)
