"""The columns of tables as people publish them."""

from pathlib import Path

import pandas as pd
import pytest

from compression_ops.data.tables import guess
from compression_ops.data.tables.rows import Columns
from compression_ops.errors import DataError


def _pictures(*paths: Path) -> None:
    """Files that are named like pictures; a guess opens none."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _write(table: Path, /, **columns: list[object]) -> Path:
    pd.DataFrame(columns).to_csv(table, index=False)
    return table


def _twelve(folder: Path) -> list[object]:
    _pictures(*(folder / f"{number}.jpg" for number in range(12)))
    return [f"{number}.jpg" for number in range(12)]


def test_kaggles_ids_lie_in_a_folder_beside_the_table(tmp_path: Path) -> None:
    _pictures(*(tmp_path / "train" / f"{n:04x}.jpg" for n in range(12)), tmp_path / "test" / "ff.jpg")
    table = _write(tmp_path / "labels.csv", id=[f"{n:04x}" for n in range(12)], breed=["pug", "boxer"] * 6)
    found = guess.columns_of(table)
    assert (found.columns, found.images, found.groups) == (Columns("id", "breed"), tmp_path / "train", ())


def test_class_numbers_that_are_names_of_files_too_are_no_files(tmp_path: Path) -> None:
    _twelve(tmp_path)
    table = _write(tmp_path / "t.csv", label=[0, 1, 2] * 4, number=[*range(12)], age=[0.5 * n for n in range(12)])
    assert guess.columns_of(table).columns == Columns("number", "label")


def test_a_split_needs_the_words_of_one_and_groups_are_only_told(tmp_path: Path) -> None:
    files = _twelve(tmp_path / "images")
    common = {"image": files, "kind": ["a", "b", "c"] * 4, "patient_id": [*"aabbccddeeff"]}
    (tmp_path / "meta").mkdir()
    table = _write(tmp_path / "meta" / "t.csv", **common, fold=[1, 2, 3, 4] * 3, split=["train"] * 9 + ["test"] * 3)
    found = guess.columns_of(table)
    assert found.images == tmp_path / "images"
    assert (found.columns.split, found.groups) == ("split", ("patient_id",))
    found = guess.columns_of(_write(tmp_path / "meta" / "t.csv", **common, fold=[1, 2, 3, 4] * 3))
    assert found.columns == Columns("image", "kind"), "numbers of folds are neither splits nor classes"


def test_a_class_and_its_number_are_one_column_of_labels(tmp_path: Path) -> None:
    table = _write(tmp_path / "t.csv", path=_twelve(tmp_path), code=[7, 8] * 6, name=["a", "b"] * 6)
    assert guess.columns_of(table).columns == Columns("path", "name")


def test_most_of_the_files_are_enough_to_find_the_column(tmp_path: Path) -> None:
    files = [*_twelve(tmp_path), "gone.jpg"]
    table = _write(tmp_path / "t.csv", file=files, label=["a"] * 6 + ["b"] * 7)
    assert guess.columns_of(table).columns == Columns("file", "label")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"file": [f"{n}.png" for n in range(12)], "label": ["a", "b"] * 6}, "no column's entries are files"),
        ({"file": [f"{n}.jpg" for n in range(12)], "note": [f"x{n}" for n in range(12)]}, None),
        ({"file": [f"{n}.jpg" for n in range(12)], "dx": ["a", "b"] * 6, "class": ["c", "c", "d"] * 4}, "dx, class"),
        (
            {"a": [f"{n}.jpg" for n in range(12)], "b": [*range(12)], "label": [0, 1] * 6},
            "several columns are files: a, b",
        ),
        ({"0.jpg": [f"{n}.jpg" for n in range(12)], "cat": ["a", "b"] * 6}, "the first line names a picture, 0.jpg"),
    ],
)
def test_where_it_cannot_tell_the_columns_are_listed(
    tmp_path: Path, columns: dict[str, list[object]], words: str
) -> None:
    folder = tmp_path / "alone" / "here"  # files are looked for in the folders around, too
    _twelve(folder)
    table = _write(folder / "t.csv", **columns)
    if words is None:
        assert guess.columns_of(table).columns.label == "note", "the only one; reading it says that it is no class"
        return
    with pytest.raises(DataError) as told:
        guess.columns_of(table)
    assert words in str(told.value)
    if "first line" not in words:
        assert "dataset: {source: image_table, path: " in str(told.value)
        assert all(f"\n  {name}: " in str(told.value) for name in columns)


def test_two_folders_with_the_same_names_are_not_chosen_between(tmp_path: Path) -> None:
    files = _twelve(tmp_path / "images")
    _twelve(tmp_path / "masks")
    with pytest.raises(DataError, match=r"files are in several folders: .*images, .*masks"):
        guess.columns_of(_write(tmp_path / "t.csv", file=files, label=["a", "b"] * 6))
