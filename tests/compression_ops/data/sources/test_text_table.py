"""A table of texts; what is wrong is told by its lines."""

from pathlib import Path

import pandas as pd
import pytest

from compression_ops.data.samples import HoldOut, Samples
from compression_ops.data.sources import text_table
from compression_ops.data.sources.text_table import TextTable
from compression_ops.data.texts import words
from compression_ops.errors import DataError

TABLE = 'review,stars,fold,author\n"Good, good",10,train,x\nbad,2,train,y\n"Not\nbad",10,test,z\nworse,2,test,z\n'


def spec(**fields: object) -> TextTable:
    stated = {"source": "text_table", "path": "t.csv", "text": "review", "label": "stars", "length": 3}
    return TextTable.model_validate({**stated, **fields})


def write(folder: Path, text: str = TABLE, encoding: str = "utf-8") -> Path:
    (folder / "t.csv").write_bytes(text.encode(encoding))
    return folder / "t.csv"


def codes(*texts: str) -> list[list[int]]:
    return [words.row(words.of(text), 3).tolist() for text in texts]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_row_is_a_text_with_the_class_of_its_label(kind: str, tmp_path: Path) -> None:
    root = write(tmp_path)
    if kind == "parquet":
        pd.read_csv(root).to_parquet(tmp_path / "t.parquet")
        root = tmp_path / "t.parquet"
    raw = text_table.read(spec(), root)
    assert (raw.classes, raw.test, raw.warnings) == (("2", "10"), HoldOut(0.2), ())
    assert raw.train.values.tolist() == codes("good good", "bad", "not bad", "worse")
    assert raw.train.labels.tolist() == [1, 0, 1, 0]
    assert raw.train.names is not None
    places = {"csv": ["line 2", "line 3", "line 4", "line 6"], "parquet": ["row 1", "row 2", "row 3", "row 4"]}
    assert raw.train.names.tolist() == places[kind]


def test_a_text_may_be_longer_than_csvs_own_limit(tmp_path: Path) -> None:
    long = "word, " * 30_000
    raw = text_table.read(spec(), write(tmp_path, f'review,stars\n"{long}",1\n"{long}x",2\nbad,2\n'))
    assert raw.train.values.tolist() == codes("word word word", "word word word", "bad")
    assert "2 of 3 texts are longer than length, 3 words, and were cut; the longest has 30,001" in raw.warnings[0]


def test_splits_and_groups_are_those_of_the_columns(tmp_path: Path) -> None:
    raw = text_table.read(spec(split="fold", groups="author"), write(tmp_path))
    assert isinstance(raw.test, Samples)
    assert raw.test.values.tolist() == codes("not bad", "worse")
    assert raw.train.groups is not None
    assert raw.train.groups.tolist() == ["x", "y"]


def test_an_empty_text_is_left_out_and_counted(tmp_path: Path) -> None:
    raw = text_table.read(spec(), write(tmp_path, TABLE + ",2,train,y\n...,2,train,y\n"))
    assert len(raw.train) == 4
    assert [warning.partition(": ")[2] for warning in raw.warnings] == [
        "2 text(s) without a word were left out: line 7, line 8."
    ]


@pytest.mark.parametrize(
    ("fields", "text", "told"),
    [
        ({"text": "reviews"}, TABLE, r"dataset\.text: .*has no column 'reviews'.*did you mean `review`"),
        ({}, TABLE + "fine,,train,x\n", r"dataset\.label: 1 row\(s\).*have no stars: line 7"),
        ({"split": "author"}, TABLE, r"dataset\.split: 3 entries of the column 'author'"),
        (
            {"split": "fold", "groups": "author"},
            TABLE.replace("test,z", "train,z", 1),
            r"dataset\.groups: 1 group.*: z",
        ),
    ],
)
def test_what_is_wrong_is_told_by_column_and_line(fields: dict[str, str], text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"(?s){told}"):
        text_table.read(spec(**fields), write(tmp_path, text))


def test_bytes_of_another_encoding_are_told_by_their_place_and_read_once_it_is_stated(tmp_path: Path) -> None:
    root = write(tmp_path, TABLE.replace("worse", "weiß"), "cp1252")
    with pytest.raises(DataError, match=r"t\.csv: the byte 0xDF at position \d+ is no utf-8.*encoding: cp1252"):
        text_table.read(spec(), root)
    assert text_table.read(spec(encoding="cp1252"), root).train.values.tolist()[-1:] == codes("weiß")
    root = write(tmp_path, TABLE, "utf-16")
    assert len(text_table.read(spec(encoding="utf-16"), root).train) == 4
