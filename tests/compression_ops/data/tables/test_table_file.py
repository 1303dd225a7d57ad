"""A table that is read a block at a time says what it would as a whole: by csv.reader, Python's own floats, pandas."""

import csv
import random
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from compression_ops.data.sources import csv as source
from compression_ops.data.tables import numbers, table_file
from compression_ops.data.tables.reading import columns, csv_blocks, csv_file, parquet_file
from compression_ops.errors import DataError

_ENTRIES = (
    *("a", "ü", "x y", " padded ", "\u00a0wide\u2009", "", "NA", "nan", "inf", "1_0", "+5", "1e5", ".5", "5.", "1,5"),
    *("0x1", "1e400", "1e-400", "٣", "00012", "16777217", "0.1", "12345678901234567890.5", "  7 ", "1e", "-", "\x1cz"),
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        *((csv_blocks, name, value) for name, value in (("BYTES", 100), ("_FIRST", 30), ("_LEAST", 1), ("_LINES", 3))),
        *((module, name, 7) for module, name in ((columns, "_PART"), (csv_blocks, "_ENTRIES"), (csv_file, "_BLOCK"))),
        (parquet_file, "_ROWS", 5),
    ):
        monkeypatch.setattr(module, name, value)


def _text(draw: random.Random) -> str:
    """Rows of three columns, some blank, some with quotes, from which on nothing is as simple."""
    delimiter, ending = draw.choice(",;\t|"), draw.choice(("\n", "\r\n", "\r"))
    lines = [delimiter.join("xyz")]
    for _ in range(60):
        row = [draw.choice(_ENTRIES).replace(delimiter, "") for _ in "xyz"]
        if draw.random() < 0.05:
            row[1] = f'"a {delimiter} ""quoted""{ending}entry"'
        lines.append(delimiter.join(row))
        if draw.random() < 0.05:
            lines.append(draw.choice(("", f" {delimiter}{delimiter} ")))
    return ending.join(lines) + draw.choice((ending, ""))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(8))
def test_blocks_of_a_table_are_the_rows_that_all_of_it_is(seed: int, tmp_path: Path) -> None:
    text = _text(random.Random(seed))
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" * (seed % 2) + text.encode())
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader, rows, places = csv.reader(lines, delimiter=text[1], skipinitialspace=True), list[list[str]](), [1]
        for row in reader:
            rows.append([entry.strip() for entry in row])
            places.append(reader.line_num + 1)
    _, *expected = [(place, *row) for place, row in zip(places, rows, strict=False) if any(row)]
    table = table_file.read(path)
    assert list(zip(table.places, *table.columns.values(), strict=True)) == expected


def test_numbers_are_what_python_says_one_by_one_and_many_at_once() -> None:
    for entry in _ENTRIES:
        entry = entry.strip()
        expected = float(entry) if _NUMBER.fullmatch(entry) else None if entry not in ("", "NA", "nan") else np.nan
        for entries in ([entry], pa.array([entry, "2"]), pa.array(["NULL", entry])):
            found = numbers.of_texts(entries)
            assert (found is None) == (expected is None), entry
            if found is not None:
                np.testing.assert_array_equal(found[0 if entries[0] != pa.scalar("NULL") else 1], expected)
    many = [repr(value) for value in np.random.default_rng(0).normal(0, 1e9, 5000).tolist()]
    found = numbers.of_texts(many)
    assert found is not None
    assert found.tolist() == [float(entry) for entry in many]


@pytest.mark.usefixtures("small_blocks")
def test_a_column_that_is_of_numbers_until_its_end_is_one_of_categories(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,z,y\n" + "".join(f"{n % 5},{n % 3}.5,{n % 2}\n" for n in range(200)) + "a lot,1e30,1\n")
    raw = source.read(source.CSV(source="csv", path=str(path), target="y"), path)
    assert raw.modality.fields()["categories"] == (("0", "1", "2", "3", "4", "a lot"), None)
    expected = pd.read_csv(path)
    codes = expected["x"].map({name: code for code, name in enumerate(("0", "1", "2", "3", "4", "a lot"), 1)})
    np.testing.assert_array_equal(raw.train.values, np.stack([codes, expected["z"]], 1).astype(np.float32))
    assert ["its 6 different entries are no numbers: a lot (line 202)" in each for each in raw.warnings] == [True]


def test_what_a_column_of_numbers_said_is_read_again_where_somebody_asks(tmp_path: Path) -> None:
    for path in (tmp_path / "a.csv", tmp_path / "a.parquet"):
        frame = pd.DataFrame({"x": [1.5, np.nan, 1e300], "y": ["a", "b", "a"]})
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
        column = table_file.read(path, texts=["y"]).columns["x"]
        assert column.numbers is not None
        np.testing.assert_array_equal(column.numbers, frame["x"])
        assert (list(column), column[2], column.encoded()[1].tolist()) == (["1.5", "", "1e+300"], "1e+300", [0, 1, 2])


def test_a_table_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n")
    column = table_file.read(path, texts=()).columns["x"]
    path.write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"a\.csv: it was changed while it was read"):
        list(column)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x,y\n" + "ü,1\n".encode() * 9 + b"\xe4,1\n", "line 11: the byte 0xE4 is no UTF-8"),
        (b"x,y\n" + "ü,1\n".encode() * 9 + b"1,\xc3", "line 11: the byte 0xC3 is no UTF-8"),
        (b"x,y\n" + b"1,2\n" * 9 + b"\0,1\n" + b"1,2\n" * 9, "line 11: the byte 0x00 is no text"),
        (b"x,y\n\0,2\n" * 9 + b"\xe4,1\n", "line 2: the byte 0x00 is no text"),
        (b"x,y\n" + b"1,2\n" * 50 + b"3\n1,2\n4,5,6\n", "2 row(s) do not have 2 entries.*: lines 52, 54\\."),
        (b"x,y\n" + b"1,2\n" * 50 + b'3,"4\n1,2\n', "line 52: unexpected end of data"),
    ],
)  # fmt: skip
def test_what_is_wrong_far_below_is_told_by_its_line(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=words.replace("(s)", r"\(s\)")):
        table_file.read(tmp_path / "a.csv")
