"""A user's own table: what it holds, what of it is told, and what is refused in which words."""

import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compression_ops.data import soundness
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.sources import csv
from compression_ops.errors import DataError

NAN = np.nan
_TEXT = """\
age;plan;zip;note;churned
34;basic;1010;;no
;pro;2020;NA;yes
61;?;1010;3.5;no
18.5;pro;1010;-2;yes
"""


def _spec(path: Path, **fields: Any) -> csv.CSV:
    return csv.CSV.model_validate({"source": "csv", "path": str(path), "target": "churned", **fields})


def _read(path: Path, text: str = _TEXT, **fields: Any) -> RawData:
    path.write_text(text)
    spec = _spec(path, **fields)
    root = csv.locate(spec, [])
    assert root == path
    return csv.read(spec, root)


def _refused(path: Path, text: str, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        _read(path, text, **fields)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_numbers_categories_and_missing_values_are_told_apart(path: Path) -> None:
    raw = _read(path, categories=["zip"])
    assert raw.modality.fields() == {
        "type": "table",
        "columns": ("age", "plan", "zip", "note"),
        "categories": (None, ("basic", "pro"), ("1010", "2020"), None),
    }
    expected = [[34, 1, 1, NAN], [NAN, 2, 2, NAN], [61, 0, 1, 3.5], [18.5, 2, 1, -2]]
    np.testing.assert_array_equal(raw.train.values, np.array(expected, np.float32))
    assert raw.train.labels.tolist() == [0, 1, 0, 1]
    assert (raw.classes, raw.test, raw.warnings) == (("no", "yes"), HoldOut(0.2), ())
    soundness.require_sound(raw)


def test_numbers_are_those_that_pandas_reads(path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {name: random.normal(0, 10.0**power, 50) for power, name in enumerate(string.ascii_letters[:8])}
    )
    frame = frame.mask(random.random(frame.shape) < 0.1).assign(churned=["no", "yes"] * 25)
    frame.to_csv(path, index=False)
    raw = csv.read(_spec(path), path)
    expected = pd.read_csv(path).drop(columns="churned").to_numpy().astype(np.float32)
    np.testing.assert_array_equal(raw.train.values, expected)


def test_only_the_columns_that_are_asked_for_are_taken(path: Path) -> None:
    raw = _read(path, columns=["zip", "age"])
    assert raw.modality.fields()["columns"] == ("zip", "age")


def test_a_table_of_test_samples_shares_the_names_of_categories(path: Path) -> None:
    (path.parent / "test.csv").write_text(
        "churned,plan,extra,age,zip,note\nyes,max,1,20,3030,1\nno,basic,2,NaN,1010,2\n"
    )
    raw = _read(path, test_path="test.csv", categories=["zip"])
    assert isinstance(raw.test, Samples)
    assert raw.modality.fields()["categories"] == (None, ("basic", "max", "pro"), ("1010", "2020", "3030"), None)
    np.testing.assert_array_equal(raw.test.values, np.array([[20, 2, 3, 1], [NAN, 1, 1, 2]], np.float32))
    assert raw.test.labels.tolist() == [1, 0]
    assert csv.files(_spec(path, test_path="test.csv"), path) == [path, path.parent / "test.csv"]
    assert len(raw.warnings) == 1
    assert "extra" in raw.warnings[0]


def test_groups_are_no_column_of_the_network(path: Path) -> None:
    raw = _read(path, "id,x,churned\nA,1,no\na ,2,yes\nb,4,no\nB,3,yes\n", groups="id")
    assert raw.modality.fields()["columns"] == ("x",)
    assert raw.train.groups is not None
    assert raw.train.groups.tolist() == ["a", "a", "b", "b"]


def _rows(**columns: list[Any]) -> str:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({**columns, "churned": (["no", "yes"] * rows)[:rows]}).to_csv(index=False)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (["p1", "p2", "p3", "p4"], "says something else in each of 4 rows, so it only names them; it was left out"),
        ([1, 2, 3, 4], "counts the rows, which says nothing of a new one; it was left out"),
        ([1, 2, 5, "a lot"], "of categories, since 1 of its 4 different entries are no numbers: a lot (line 5)"),
        ([1.6e9, 1.6e9 + 1, 1.6e9 + 5, 1.6e9 + 2], "in float32, about seven digits, they are lost"),
    ],
)  # fmt: skip
def test_a_column_that_is_odd_is_told_by_its_name(path: Path, column: list[Any], words: str) -> None:
    text = _rows(x=[1, 1, 3, 5], odd=column)
    if "a lot" in column:
        text = _rows(x=[1, 1, 3, 5, 1], odd=[*column, 1])
    raw = _read(path, text)
    assert len(raw.warnings) == 1
    assert f"{path}: column 'odd'" in raw.warnings[0]
    assert words in raw.warnings[0]
    assert ("odd" in raw.modality.fields()["columns"]) == ("left out" not in words)


def test_a_class_may_be_named_as_a_missing_value_is(path: Path) -> None:
    raw = _read(path, "x,churned\n1,none\n2,NA\n4,rust\n7,none\n")
    assert (raw.classes, raw.train.labels.tolist()) == (("NA", "none", "rust"), [1, 0, 2, 1])
    assert raw.warnings == (f"{path}: taken as classes, not as rows without one: NA, none. Else remove the rows.",)


_SHUFFLED = np.random.default_rng(0).permutation(40)


@pytest.mark.parametrize(
    ("own", "tests", "is_left_out"),
    [
        (range(1, 41), None, True),
        (_SHUFFLED + 7, None, True),
        (range(40), range(12), True),  # each table counts its own
        (_SHUFFLED[:28], _SHUFFLED[28:], True),  # both tables together are one that was cut
        (_SHUFFLED[:39], range(12), False),
        (_SHUFFLED * 2, None, False),
        (np.repeat(range(20), 2), None, False),
        (_SHUFFLED + 0.5, None, False),
        ([3, 1, 2, 4], None, False),
    ],
)
def test_the_number_of_a_row_is_left_out_wherever_it_counts_from(
    path: Path, own: Any, tests: Any, is_left_out: bool
) -> None:
    fields = {}
    if tests is not None:
        (path.parent / "test.csv").write_text(_rows(x=[n % 5 for n in tests], id=list(tests)))
        fields = {"test_path": "test.csv"}
    raw = _read(path, _rows(x=[n % 3 for n in range(len(own))], id=list(own)), **fields)
    assert raw.modality.fields()["columns"] == (("x",) if is_left_out else ("x", "id"))
    assert [f"{path}: column 'id' counts the rows" in warning for warning in raw.warnings] == [True] * is_left_out


_MANY = _rows(x=[f"n{n // 2}" for n in range(20_000)])
_LABELLED = "x,churned\n1,no\n2,yes\n4,"


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        ("", {}, "an empty table; needed are the columns' names"),
        ("x,churned\n", {}, "a table without rows; needed is a line a sample"),
        ("x^churned\n1^no\n2^yes\n", {"target": "x^churned"}, "another sign than `,` `;` tab or `|`"),
        ("x,churned\n1,no\n2\n3,4,5\n", {}, "2 row(s) do not have 2 entries, as the first line"),
        ("x,y,x,churned\n1,2,3,no\n4,5,6,yes\n", {}, "several columns are named x. Rename all but one."),
        (_TEXT, {"target": "churn"}, "dataset.target: "),
        (_TEXT, {"target": "churn"}, "did you mean `churned`?"),
        (_TEXT, {"columns": ["age", "Plan"]}, "dataset.columns: "),
        (_TEXT, {"categories": ["churned"]}, "dataset.categories: churned is none of the columns that are taken"),
        (_TEXT, {"columns": ["age", "churned"]}, "dataset.columns: churned would tell the class"),
        (_LABELLED + "\n5,\n", {}, "dataset.target: 2 row(s) of "),
        ("x,churned\n1,0\n2,1\n4,NA\n5,1\n", {}, "1 row(s) of "),
        (_LABELLED + "\n5,\n", {}, "have no churned: lines 4-5. Fill the entries in or remove the rows."),
        ("x,churned\n1,no\n2,no\n4,no\n", {}, "says 'no' in all 3 row(s); at least two classes are needed"),
        ("x,churned\n1,a\n2,b\n4,c\n", {}, "says something else in each of 3 rows: names of rows, not of classes"),
        ("x,churned\n1,0.5\n2,1.5\n4,1.5\n", {}, "2 different numbers in 3 rows, as 0.5, 1.5: a quantity, not a class"),
        ("x,churned\n" + "".join(f"{n % 7},{n // 2}\n" for n in range(120)), {}, "60 different numbers in 120 rows"),
        ("x,churned\n" + "".join(f"{n % 7},c{n // 2}\n" for n in range(2400)), {}, "allowed are 1,000 classes"),
        (_rows(x=[1, 2, "inf", 5]), {}, "column 'x' holds inf (line 4); allowed are finite numbers"),
        (_rows(x=[1, 2, "1e300", 5]), {}, "column 'x' holds 1e300 (line 4); allowed are numbers from -1e+30"),
        ("x;churned\n1,5;no\n2;yes\n2,5;no\n", {}, "with a decimal comma, first 1,5 (lines 2, 4). Write them"),
        (_rows(x=["1,200", "3,500", 950, "12,000"]), {}, "thousands separators, first 1,200 (lines 2-3, 5). Remove"),
        (_rows(x=["1,200,300.5", 7, 950, "-2,000"]), {}, "column 'x' holds numbers with thousands separators"),
        (_rows(x=["1,200", "3,50", 950, 9]), {}, "column 'x' holds numbers with a decimal comma, first 1,200"),
        (_MANY, {}, "10,000 different entries that are no numbers, as n0, n1, n2; allowed are 1,000"),
        (_rows(x=["a", "b", "c"]), {}, "no column is left beside those of classes, of groups, and those"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_place_and_cure(
    path: Path, text: str, fields: dict[str, Any], words: str
) -> None:
    assert words in _refused(path, text, **fields)


def test_numbers_of_thousands_of_digits_are_names_like_others(path: Path) -> None:
    names = [f"{'9' * 5000}x{n % 3}" for n in range(8)]
    raw = _read(path, _rows(x=names))
    assert raw.modality.fields()["categories"] == (tuple(sorted(set(names))),)


def test_another_encoding_is_told_with_its_line(path: Path) -> None:
    path.write_bytes("x,churned\n1,no\n2,später\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"line 3: the byte 0xE4 is no UTF-8 .* Save the table in UTF-8"):
        csv.read(_spec(path), path)


def test_a_test_table_of_other_columns_is_refused(path: Path) -> None:
    (path.parent / "test.csv").write_text("age,churned\n1,no\n2,yes\n")
    words = _refused(path, _TEXT, test_path="test.csv")
    assert words.startswith("dataset.test_path: ")
    assert "has no column(s) plan, zip, note" in words


def test_a_test_table_that_is_not_there_is_not_located(path: Path) -> None:
    path.write_text(_TEXT)
    assert csv.locate(_spec(path, test_path="test.csv"), []) is None
