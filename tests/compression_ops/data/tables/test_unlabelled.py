"""Rows that a user gives a model, without their classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compression_ops.data.dataset import Description
from compression_ops.data.modalities.table import Table
from compression_ops.errors import DataError

_TABLE = Table(("age", "plan", "fee", "zip"), (None, ("basic", "pro"), (), ("10", "20")))
_DESCRIPTION = Description(("a", "b"), (4,), (40.0, 0.0, 0.0, 0.0), (10.0, 1.0, 1.0, 1.0), _TABLE)


def _read(path: Path, text: str) -> tuple[list[str], np.ndarray]:
    path.write_text(text)
    read = _TABLE.read(path, _DESCRIPTION)
    return [one.name for one in read], np.stack([one.value for one in read])


def test_each_line_is_a_row_in_the_models_order_and_codes(tmp_path: Path) -> None:
    names, values = _read(tmp_path / "new.csv", "zip;plan;age;left\n20;pro;30.5;x\n30;max;NA;y\n\n10.0;;7;z\n")
    assert names == [f"{tmp_path / 'new.csv'} line {number}" for number in (2, 3, 5)]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array([[30.5, 2, 0, 2], [np.nan, 0, 0, 0], [7, 0, 0, 1]], np.float32))


def test_a_category_that_the_model_does_not_know_is_told(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("age,plan,zip,fee\n1,Pro,10,x\n2,pro,10,y\n3,?,,z\n4,max,30,\n")
    cased, known, missing, both = (one.fault for one in _TABLE.read(tmp_path / "new.csv", _DESCRIPTION))
    assert cased == "column 'plan' holds 'Pro', which the model does not know: it counts as none"
    assert (known, missing) == (None, None)
    assert both is not None
    assert both.count("which the model does not know") == 2
    assert "column 'zip' holds '30'" in both


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_without_any_entry_is_answered_in_its_place(delimiter: str, tmp_path: Path) -> None:
    text = '\n,,\nage,plan,zip\n1,pro,10\n,,\n\n2,"a\n,,\nb",20\n ,"",\n'
    (tmp_path / "new.csv").write_text(text.replace(",", delimiter))
    read = _TABLE.read(tmp_path / "new.csv", _DESCRIPTION)
    assert [one.name.rpartition(" ")[2] for one in read] == ["4", "5", "7", "10"]
    assert [one.fault == "a row without any entry" for one in read] == [False, True, False, True]
    np.testing.assert_array_equal(read[1].value, np.array([np.nan, 0, 0, 0], np.float32))
    np.testing.assert_array_equal(read[3].value, read[1].value)


def test_parquet_is_read_as_well(tmp_path: Path) -> None:
    pd.DataFrame({"age": [1.5], "plan": ["basic"], "zip": [10], "fee": [3]}).to_parquet(tmp_path / "new.parquet")
    ((name, values, _),) = _TABLE.read(tmp_path / "new.parquet", _DESCRIPTION)
    assert (name, values.tolist()) == (f"{tmp_path / 'new.parquet'} row 1", [1.5, 1, 0, 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age,plan\n1,pro\n", "has no column(s) zip, which the model takes; there are age, plan."),
        ("age,plan,zip\n1,pro,10\nold,pro,10\n", "column 'age' holds 'old' (line 3); the model takes numbers there"),
        ("age,plan,zip\n1e40,pro,10\n", "column 'age': 1 value(s) cannot be"),
        ("age,plan,zip\n", "a table without rows"),
        ("", "an empty table"),
    ],
)
def test_a_file_that_a_model_cannot_take_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path / "new.csv", text)
    assert words in str(caught.value)
    assert str(tmp_path / "new.csv") in str(caught.value)
