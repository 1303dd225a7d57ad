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


def test_what_float32_loses_and_what_counts_the_rows_is_told_as_of_other_tables(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    rows = np.arange(80)
    whole = np.stack([rows * 0.5 % 7, 1.7e9 + rows % 20, np.random.default_rng(0).permutation(80)], axis=1)
    labels = rows % 2
    np.savez(path, x_train=whole, y_train=labels, x_test=whole[:40] - [0, 0, 3], y_test=labels[:40])
    raw = npz.read(_SPEC, path)
    assert len(raw.warnings) == 1
    assert f"{path}: x_train: column 1 has differences too small for its numbers" in raw.warnings[0]
    whole[:, 2] = np.tile(rows[:40], 2)
    np.savez(path, x_train=whole[:40], y_train=labels[:40], x_test=whole[40:, [2, 1, 0]], y_test=labels[40:])
    assert npz.read(_SPEC, path).modality == Table(("0", "1", "2"), (None,) * 3)
    np.savez(path, x_train=whole[:40], y_train=labels[:40], x_test=whole[40:], y_test=labels[40:])
    raw = npz.read(_SPEC, path)
    assert raw.modality == Table(("0", "1"), (None, None))
    assert "column 2 counts the rows" in raw.warnings[1]
    np.testing.assert_array_equal(raw.train.values, whole[:40, :2].astype(np.float32))
    assert isinstance(raw.test, Samples)
    np.testing.assert_array_equal(raw.test.values, whole[40:, :2].astype(np.float32))
    np.savez(path, images=rows[:, None], labels=labels)
    with pytest.raises(DataError, match="every column counts the rows"):
        npz.read(_SPEC, path)
