"""Records are what their command writes: of a recipe that ships, with figures that follow from one another."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.recipe import file
from tests.conftest import REPOSITORY

RECORDS = sorted((REPOSITORY / "docs" / "records").glob("*.json"))
# Bytes of weights that each may take, and per cent of the test split below which it is no record.
ASKED = {"mnist_nano": (5_400, 99.40), "mnist_micro": (11_000, 99.55)}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_of_a_recipe_and_its_figures_agree(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPRESSION_DEFS", raising=False)
    record = json.loads(path.read_text())
    assert record["command"] == f"python benchmarks/record.py {path.stem}"
    (student,) = file.load(path.stem).recipe.students.values()
    assert record["seeds"] == [student.seed + number for number in range(student.seeds)]
    assert len(record["test_accuracy"]) == len(record["seeds"]) >= 5
    assert record["mean"] == pytest.approx(np.mean(record["test_accuracy"]), abs=6e-4)
    assert record["sd"] == pytest.approx(np.std(record["test_accuracy"], ddof=1), abs=6e-4)
    most, least = ASKED[path.stem]
    assert record["weight_bytes"] <= most
    assert record["weight_bytes"] < record["file_bytes"]
    assert record["mean"] >= least
    assert record["cpu"]
