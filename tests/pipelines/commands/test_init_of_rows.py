"""`compression init` on a table whose rows are the samples."""

import re
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from compression_ops.errors import CompressionError
from pipelines.cli.app import app
from pipelines.commands.init import plan
from pipelines.commands.init.init import init
from pipelines.recipe import file


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 rows: a name, two columns of numbers, one of three plans, and two classes."""
    monkeypatch.setattr(plan, "_seconds", lambda *_: 0.01)
    draw = np.random.default_rng(0)
    columns = {"customer": [f"c{n}" for n in range(60)], "age": draw.integers(18, 80, 60), "fee": draw.random(60)}
    columns |= {"plan": ["basic", "pro", "max"] * 20, "label": ["stays", "leaves"] * 30}
    pd.DataFrame(columns).to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


def test_the_recipe_states_the_target_and_networks_for_rows_and_is_valid(table: Path, defs: Path) -> None:
    started = init("churn", table)
    recipe = file.check(defs / "churn" / "defs.yaml").recipe
    assert recipe == started.file.recipe
    stated = recipe.dataset.model_dump()
    assert (stated["source"], stated["path"], stated["target"]) == ("csv", str(table), "label")
    networks = [recipe.teacher, recipe.students["small"]]
    assert [each.architecture for each in networks] == ["mlp", "mlp"]
    assert recipe.teacher.augmentation is not None
    assert list(recipe.teacher.augmentation.chosen()) == ["column_noise"]
    assert started.survey.counts == {"leaves": 30, "stays": 30}
    assert started.survey.rows == "rows of 2 numbers and 1 categories"
    assert started.survey.inputs == 2 + 3
    assert sum("'customer' says something else in each of 60 rows" in odd for odd in started.survey.oddities) == 1
    words = started.file.path.read_text()
    assert not {"image", "images", "pixels", "picture", "flip"} & {*words.lower().split()}
    assert not set(string.ascii_letters) & {word for word in words.split() if word.startswith("$")}


@pytest.mark.parametrize("teacher", ["resnet", "ds_cnn", "text_cnn"])
def test_a_teacher_of_other_samples_is_refused(teacher: str, table: Path, defs: Path) -> None:
    with pytest.raises(
        CompressionError, match=rf"--teacher {teacher}: cannot be trained on these rows, .*\[5\]: (?s:.*)as mlp is"
    ):
        init("churn", table, teacher)
    assert not (defs / "churn").exists()
    assert init("churn", table, "mlp").file.recipe.teacher.architecture == "mlp"


def test_what_is_told_of_rows_speaks_of_no_picture(table: Path, defs: Path) -> None:
    told = CliRunner().invoke(app(), ["init", "churn", "--data", str(table)])
    assert told.exit_code == 0, told.output
    assert "60 rows of 2 classes: leaves 30, stays 30" in told.output
    assert "pixels" not in told.output


@pytest.mark.parametrize(
    ("renamed", "cause"),
    [
        ({"label": "left"}, "no column has a usual name of classes"),
        ({"plan": "class"}, "could be the target: class, label"),
    ],
)
def test_where_the_target_is_not_clear_all_columns_are_told(
    table: Path, defs: Path, renamed: dict[str, str], cause: str
) -> None:
    pd.read_csv(table).rename(columns=renamed).to_csv(table, index=False)
    with pytest.raises(CompressionError) as told:
        init("churn", table)
    assert cause in str(told.value)
    assert "by --target COLUMN, or" in str(told.value)
    assert f"dataset: {{source: csv, path: {table}, target: …}}" in str(told.value)
    assert "\n  fee: 60 different, " in str(told.value)
    assert not (defs / "churn").exists()


def test_a_target_that_is_stated_decides_whatever_columns_are_called(table: Path, defs: Path) -> None:
    pd.read_csv(table).rename(columns={"label": "left", "plan": "class"}).to_csv(table, index=False)
    told = CliRunner().invoke(app(), ["init", "churn", "--data", str(table), "--target", "left"])
    assert told.exit_code == 0, told.output
    assert file.check(defs / "churn" / "defs.yaml").recipe.dataset.model_dump()["target"] == "left"
    assert "leaves 30, stays 30" in told.output


@pytest.mark.parametrize(("target", "cause"), [("lable", "did you mean `label`?"), ("fee", "a quantity")])
def test_a_stated_target_that_is_none_is_told_and_writes_nothing(
    table: Path, defs: Path, target: str, cause: str
) -> None:
    with pytest.raises(CompressionError, match=re.escape(cause)):
        init("churn", table, target=target)
    with pytest.raises(CompressionError, match=rf"--target {target}: .* is no table"):
        init("churn", table.parent, target=target)
    assert not (defs / "churn").exists()


def test_a_class_too_small_to_be_split_is_told_before_a_recipe_is_written(table: Path, defs: Path) -> None:
    rows = pd.read_csv(table)
    rows.loc[:3, "label"] = ["one", "two", "two", "stays"]
    rows.to_csv(table, index=False)
    with pytest.raises(CompressionError, match=r"class 'one' has 1 sample\(s\); at least 3 .* Too few have also: two"):
        init("churn", table)
    assert not (defs / "churn").exists()


def test_a_column_of_one_value_is_told_by_its_name(table: Path, defs: Path) -> None:
    pd.read_csv(table).assign(flat=7).to_csv(table, index=False)
    oddities = init("churn", table).survey.oddities
    assert any("column 'flat' has the same value in every row; it tells nothing" in odd for odd in oddities)
