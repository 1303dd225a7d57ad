"""scikit-learn's bundled digits: 1,797 handwritten digits, 8 x 8, 17 grey levels (Alpaydin & Kaynak 1998).

Read from the file that scikit-learn installs, without importing scikit-learn.
"""

import gzip
import importlib.util
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError

_SIDE = 8
_LEVELS = 16
_TEST_FRACTION = 0.2
_CURE = "Install scikit-learn again."


class Digits(DatasetSpec):
    source: Literal["digits"]

    @property
    def sample_type(self) -> str:
        return "images"


def locate(spec: Digits, folders: Sequence[Path]) -> Path | None:
    """`digits.csv.gz` inside the installed scikit-learn; None where that is not installed."""
    package = importlib.util.find_spec("sklearn")
    places = package.submodule_search_locations if package else None
    candidates = (Path(place, "datasets", "data", "digits.csv.gz") for place in places or ())
    return next((path for path in candidates if path.is_file()), None)


def files(spec: Digits, root: Path) -> list[Path]:
    """The one file."""
    return [root]


def read(spec: Digits, root: Path) -> RawData:
    """Images uint8 [1797, 1, 8, 8]: the grey levels 0..16 as round(level * 255 / 16), each still its own value.

    Every row of the file is 64 levels and the label. Raises DataError if the file is missing, damaged or different.
    """
    import numpy as np

    try:
        lines = gzip.decompress(root.read_bytes()).decode("ascii").splitlines()
        if not lines:
            raise ValueError("no rows")
        table = np.loadtxt(lines, dtype=np.int64, delimiter=",", ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{root}: expected gzipped rows of integers; found: {error}. {_CURE}") from error
    levels, labels = table[:, :-1], table[:, -1]
    if levels.shape[1] != _SIDE * _SIDE or levels.min() < 0 or levels.max() > _LEVELS:
        raise DataError(
            f"{root}: {levels.shape[1]} pixels a row between {levels.min(initial=0)} and {levels.max(initial=0)}; "
            f"expected {_SIDE * _SIDE} between 0 and {_LEVELS}. {_CURE}"
        )
    # No level falls half-way between two integers but 8 (127.5), which adding half the divisor rounds up.
    pixels = ((levels * 255 + _LEVELS // 2) // _LEVELS).astype(np.uint8).reshape(-1, 1, _SIDE, _SIDE)
    return RawData(Samples(pixels, labels), HoldOut(_TEST_FRACTION), tuple("0123456789"))
