"""Which kind of samples a folder holds, by what its files are named like."""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from compression_ops.data.folders import side_files
from compression_ops.data.formats import image_file, wave_file
from compression_ops.data.texts import text_file

_LOOKED_AT = 10_000  # files
# The earlier where there are as many of two: beside pictures and recordings lie texts that say what they are.
_NAMED_LIKE = {
    "images": image_file.is_named_like_a_picture,
    "recordings": wave_file.is_named_like_one,
    "texts": text_file.is_named_like_one,
}


def of(path: Path) -> str:
    """`images`, `recordings` or `texts`: what most of those files are that are named like any; `images` without such.

    Hidden files and folders, and those that a system keeps for itself, are not asked.
    """
    counted = dict.fromkeys(_NAMED_LIKE, 0)
    counted |= Counter(
        kind for name in islice(_names(path), _LOOKED_AT) for kind, is_one in _NAMED_LIKE.items() if is_one(name)
    )
    return max(counted, key=counted.__getitem__)


def _names(path: Path) -> Iterator[str]:
    for _, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not _is_kept_aside(name)]
        yield from (name for name in files if not side_files.is_hidden(name))


def _is_kept_aside(folder: str) -> bool:
    return side_files.is_hidden(folder) or side_files.is_kept_by_a_system(folder)
