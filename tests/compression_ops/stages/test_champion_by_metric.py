"""By a metric that counts every class the same, the stage picks another candidate than by accuracy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.stages import champion
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import linear_models
from tests.compression_ops.stages.test_champion import save

SHAPE = (1, 8, 8)
# 270 of class 0, 30 of class 1. Row 0 of an image says what `majority` predicts, row 1 what `fair` does, and so on.
LABELS = np.repeat([0, 1], [270, 30])
MISSED = {"majority": (0, 30), "fair": (70, 2), "alike": (70, 3)}


def predicted(name: str) -> np.ndarray:
    large, small = MISSED[name]
    found = LABELS.copy()
    found[:large], found[270 : 270 + small] = 1, 0
    return found


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("inputs")
    images, folders = np.zeros((300, *SHAPE), np.uint8), {"dataset": root / "dataset"}
    for row, name in enumerate(MISSED):
        images[np.arange(300), 0, row, predicted(name)] = 200
        weights = np.zeros((*SHAPE, 2))
        weights[0, row, [0, 1], [0, 1]] = 1
        padding = 0 if name == "alike" else 1000
        folders[name] = save(root / name, linear_models.linear(weights.reshape(-1, 2), SHAPE, padding))
    folders["dataset"].mkdir()
    save_split(folders["dataset"], "test", Split(torch.from_numpy(images), torch.from_numpy(LABELS)))
    save_description(folders["dataset"], Description(("a", "b"), SHAPE, (0.2,), (0.3,)))
    return folders


def run(inputs: dict[str, Path], output: Path, metric: str, incumbent: str | None = None) -> tuple[Any, StageResult]:
    """champion.json and the result."""
    output.mkdir()
    given = inputs | ({"incumbent": inputs[incumbent]} if incumbent else {})
    parameters = champion.Champion.model_validate(
        {
            "candidates": {name: [] for name in MISSED if name != incumbent},
            "incumbent": incumbent,
            "iterations": 20,
            "metric": metric,
        }
    )
    result = champion.run(parameters, given, Context(output))
    return json.loads((output / "champion.json").read_text()), result


def test_accuracy_chooses_what_answers_the_largest_class_and_balanced_accuracy_does_not(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    by_accuracy, _ = run(inputs, tmp_path / "accuracy", "accuracy")
    assert by_accuracy["candidate"] == "majority"
    assert "test_balanced_accuracy" not in by_accuracy
    by_balance, result = run(inputs, tmp_path / "balance", "balanced_accuracy")
    assert by_balance["candidate"] == "alike", "of those that cannot be told apart the smallest"
    expected = {name: reference.balanced_accuracy_score(LABELS, predicted(name)) for name in MISSED}
    assert by_balance["test_balanced_accuracy"] == pytest.approx(expected)
    assert result.metrics["candidate_test_balanced_accuracy"] == pytest.approx(expected["alike"])


def test_the_incumbent_that_answers_the_largest_class_is_replaced(inputs: dict[str, Path], tmp_path: Path) -> None:
    found, result = run(inputs, tmp_path / "out", "f1_macro", "majority")
    assert found["promoted"]
    expected = [reference.f1_score(LABELS, predicted(name), average="macro") for name in ("alike", "majority")]
    assert result.metrics["f1_macro_change_points"] == pytest.approx(100 * (expected[0] - expected[1]))
    assert result.metrics["p_value"] < 0.05
    kept, _ = run(inputs, tmp_path / "kept", "accuracy", "majority")
    assert not kept["promoted"]
