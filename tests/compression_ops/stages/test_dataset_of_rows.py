"""The stage `dataset` on tables whose rows repeat: each is a sample of its own."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from compression_ops.data.dataset import SPLITS, load_arrays
from compression_ops.data.sources import csv
from compression_ops.stages import dataset
from compression_ops.stages.stage import Context, StageResult

_RANDOM = np.random.default_rng(3)
_SEXES = _RANDOM.choice(["m", "f"], 1000)
_ROWS = [
    ",".join(row)
    for row in zip(
        _RANDOM.choice(["first", "second", "third"], 1000, p=[0.6, 0.3, 0.1]),
        _SEXES,
        _RANDOM.choice(["child", "grown"], 1000),
        np.where(_RANDOM.random(1000) < 0.2 + 0.5 * (_SEXES == "f"), "yes", "no"),
        strict=True,
    )
]
_HEAD = "fare,sex,age,survived"


def _split(folder: Path, rows: list[str], test: list[str] | None = None) -> tuple[StageResult, list[Counter[bytes]]]:
    """What the stage says, and how often each row with its label stands in each split."""
    folder.mkdir()
    path = folder / "rows.csv"
    path.write_text("\n".join([_HEAD, *rows]) + "\n")
    if test is not None:
        (folder / "test.csv").write_text("\n".join([_HEAD, *test]) + "\n")
    spec = csv.CSV(source="csv", path=str(path), target="survived", test_path=None if test is None else "test.csv")
    result = dataset.run(spec, {"raw_data": path}, Context(folder))
    arrays = [load_arrays(folder, name) for name in SPLITS]
    return result, [Counter(np.c_[labels, rows].tobytes() for rows, labels in _pairs(*each)) for each in arrays]


def _pairs(values: np.ndarray, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(row[None], label[None]) for row, label in zip(values, labels, strict=True)]


def test_a_thousand_rows_of_few_kinds_are_split_as_asked(tmp_path: Path) -> None:
    result, (train, validation, test) = _split(tmp_path / "a", _ROWS)
    assert len(set(_ROWS)) < 30
    assert test.total() / 1000 == pytest.approx(0.2, abs=0.04)
    whole = train + validation + test
    assert all(abs(test[row] - 0.2 * count) < 4 * (0.16 * count) ** 0.5 + 1 for row, count in whole.items())
    assert result.metrics["duplicates_across_splits"] == 0
    assert not any("also stand" in warning for warning in result.warnings)


def test_neither_the_order_of_rows_nor_further_ones_move_a_row(tmp_path: Path) -> None:
    _, splits = _split(tmp_path / "a", _ROWS)
    _, shuffled = _split(tmp_path / "b", [_ROWS[row] for row in np.random.default_rng(0).permutation(1000)])
    assert shuffled == splits
    _, more = _split(tmp_path / "c", [*_ROWS[:50], *_ROWS])
    assert splits[2] <= more[2]


def test_a_class_of_few_kinds_of_rows_is_no_error(tmp_path: Path) -> None:
    rows = ["first,m,grown,no", "third,f,child,no"] * 20 + ["first,f,grown,yes"] * 10
    assert [len(split) > 0 for split in _split(tmp_path / "a", rows)[1]] == [True] * 3


def test_rows_of_a_tables_own_test_rows_are_counted_but_not_held_against_it(tmp_path: Path) -> None:
    result, _ = _split(tmp_path / "a", _ROWS[:900], _ROWS[900:])
    known = {row.rsplit(",", 1)[0] for row in _ROWS[:900]}
    assert result.metrics["duplicates_across_splits"] == sum(row.rsplit(",", 1)[0] in known for row in _ROWS[900:])
    assert not any("also stand" in warning for warning in result.warnings)
