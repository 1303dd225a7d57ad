"""Recipes of a table: what is told of its mistakes, how it drifts, and that its model comes out as any other does."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from compression_ops.data import dataset
from compression_ops.onnx_model import metadata, raw_samples
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes


def rows(count: int, plans: Sequence[str] = ("basic", "pro"), shift: float = 0.0) -> pd.DataFrame:
    """Ages, one in ten missing, and plans, of which the class follows; `shift` is added to every other age."""
    draw = np.random.default_rng(count)
    age, plan = draw.uniform(20, 80, count).round(2), draw.integers(0, len(plans), count)
    label = np.where(age / 60 + (plan == 0) > 1.3, "stays", "leaves")
    told = np.where(draw.random(count) < 0.1, np.nan, age + shift * (np.arange(count) % 2))
    return pd.DataFrame({"age": told, "plan": np.array(plans)[plan], "left": label})


@pytest.fixture
def table(tmp_path: Path, defs: Path) -> Path:
    """A table of 300 rows, and the recipe `tiny` of it."""
    path = tmp_path / "data" / "rows.csv"
    path.parent.mkdir()
    rows(300).to_csv(path, index=False)
    stated = f"source: csv, path: {path}, target: left, validation_fraction: 0.2, seed: 0"
    noise = "augmentation: {column_noise: {deviation: 0.1}}"
    text = recipes.edited(("source: digits, validation_fraction: 0.1, seed: 0, limit: 200", stated))
    text = text.replace("augmentation: {translate: 1.0}", noise).replace("simple_cnn", "mlp").replace("tiny_cnn", "mlp")
    recipes.write(defs, text=text)
    return path


def test_a_recipe_tells_of_columns_files_and_augmentations_that_do_not_fit(table: Path, defs: Path) -> None:
    recipe = defs / "tiny" / "defs.yaml"
    assert file.check(recipe)
    text = recipe.read_text()
    for old, new, words in (
        ("target: left", "target: gone", r"defs\.yaml:4: dataset\.target: .* has no column 'gone'"),
        ("target: left", "target: left, test_path: gone.csv", r"dataset\.test_path: no such file"),
        ("rows.csv", "gone.csv", r"dataset\.path: no such file"),
    ):
        recipe.write_text(text.replace(old, new, 1))
        with pytest.raises(RecipeError, match=words):
            file.check(recipe)


def test_the_column_that_has_moved_most_is_named(table: Path) -> None:
    product.run(patterns=["dataset"])
    rows(300, shift=30).to_csv(table, index=False)
    product.run(patterns=["dataset"])
    (check,) = [check for check in product.entry("dataset").checks if check.name == "drift"]
    assert " in column 'age'; at most 0.25" in check.words
    assert not check.passed
    assert check.numbers["column 'age'"] == check.numbers["samples"] == check.numbers["found"] > 0.25


@pytest.mark.slow
def test_rows_become_an_int8_model_that_takes_them_raw_and_a_champion_of_other_names_is_judged(table: Path) -> None:
    frame = rows(300)
    assert len(product.computed()) == 9
    pipeline = product.pipeline()
    folder = pipeline.store.fetch(product.entry("dataset").artifact)
    description, test = dataset.load_description(folder), dataset.load_split(folder, "test")
    shipped = pipeline.store.fetch(product.entry("quantized_student/int8").artifact) / "model.onnx"
    assert product.entry("quantized_student/int8").metrics["integer_share"] == 1
    assert metadata.read(onnx.load(shipped)).description == description
    session = onnxruntime.InferenceSession(shipped)
    assert raw_samples.takes_raw(session, description)
    logits = np.asarray(session.run(None, {"values": test.samples.numpy()})[0])
    measured = product.entry("measurements").metrics["quantized_student/int8.test_accuracy"]
    assert (logits.argmax(axis=1) == test.labels.numpy()).mean() == pytest.approx(measured)
    read = description.modality.read(table, description)
    assert read[0].value[0] == pytest.approx(frame["age"][0], nan_ok=True)

    rows(300, plans=("advanced", "basic", "pro")).to_csv(table, index=False)
    product.run()
    pipeline = product.pipeline()
    folder = pipeline.store.fetch(product.entry("dataset").artifact)
    now, test = dataset.load_description(folder), dataset.load_split(folder, "test")
    assert now.modality.fields()["categories"] == (None, ("advanced", "basic", "pro"))
    ages, plans = test.samples.numpy().T
    coded = np.stack([ages, np.array([0, 0, 1, 2])[plans.astype(int)]], axis=1).astype(np.float32)
    logits = np.asarray(session.run(None, {"values": coded})[0])
    told = json.loads((pipeline.store.fetch(product.entry("champion").artifact) / "champion.json").read_text())
    assert told["test_accuracy"]["incumbent"] == pytest.approx((logits.argmax(axis=1) == test.labels.numpy()).mean())
