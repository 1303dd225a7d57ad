"""A user's own arrays of numbers, as rows of a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression_ops.data.modalities.table import Table
from compression_ops.data.samples import Samples
from compression_ops.data.sources import npz
from compression_ops.errors import DataError

_PIXELS = np.zeros((6, 5, 7), np.uint8)
_LABELS = np.array([0, 1, 2, 0, 1, 2])
_NUMBERS = np.array([[1.5, np.nan], [2, 3], [4, 5], [7, 8], [9, 1], [0, 2]])
_SPEC = npz.NPZ(source="npz", path="arrays.npz", samples="table")


def test_arrays_of_numbers_are_rows_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, x_train=_NUMBERS, y_train=_LABELS, x_test=_NUMBERS[::-1], y_test=_LABELS[::-1])
    raw = npz.read(_SPEC, path)
    assert raw.modality == Table(("0", "1"), (None, None))
    assert isinstance(raw.test, Samples)
    np.testing.assert_array_equal(raw.train.values, _NUMBERS.astype(np.float32))
    np.testing.assert_array_equal(raw.test.values, _NUMBERS[::-1].astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": _PIXELS, "labels": _LABELS}, r"allowed are numbers \[N, F\], a row a sample"),
        ({"images": _NUMBERS.astype(str), "labels": _LABELS}, "`source: csv`"),
        ({"images": np.float32(1), "labels": _LABELS}, r"images float32 \[\]; samples of table must be arrays \[N"),
        (
            {"x_train": _NUMBERS, "y_train": _LABELS, "x_test": _NUMBERS[:, :1], "y_test": _LABELS},
            r"x_train float64 \[6, 2\], x_test float64 \[6, 1\]; samples of table must be",
        ),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=words):
        npz.read(_SPEC, path)
