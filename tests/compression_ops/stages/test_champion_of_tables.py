"""A champion of rows is judged on the categories that the data set kept, and the decision says which it lost."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.data.modalities.table import Table
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.stages import champion
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import linear_models

PLANS = ("basic", "pro")
ROWS = np.arange(60) % 2  # plan "basic" and "pro", of classes 0 and 1


def _description(plans: tuple[str, ...]) -> Description:
    return Description(("stays", "leaves"), (1,), (0.0,), (1.0,), Table(("plan",), (plans,)))


def _saved(folder: Path, plans: tuple[str, ...], weights: list[list[float]]) -> Path:
    """A model of rows, whose logits are marks of the plans @ weights."""
    said = _description(plans)
    proto = raw_samples.normalizing(linear_models.linear(np.array(weights), (len(plans),)), said)
    metadata.describe(proto, said)
    folder.mkdir()
    onnx.save(proto, folder / "model.onnx")
    return folder


def _judged(folder: Path, kept: tuple[str, ...]) -> StageResult:
    """The contest of a data set with these plans, against a champion of PLANS that knows the answer by them."""
    codes = {name: code for code, name in enumerate(kept, 1)}
    values = torch.tensor([[float(codes.get(PLANS[row], 0))] for row in ROWS])
    dataset = folder / "dataset"
    dataset.mkdir()
    save_split(dataset, "test", Split(values, torch.from_numpy(ROWS)))
    save_description(dataset, _description(kept))
    given = {
        "dataset": dataset,
        "new": _saved(folder / "new", kept, [[1, 0]] * len(kept)),
        "incumbent": _saved(folder / "old", PLANS, [[1, 0], [0, 1]]),
    }
    parameters = champion.Champion(candidates={"new": []}, incumbent="last week", threads=1, iterations=10)
    (folder / "out").mkdir()
    return champion.run(parameters, given, Context(folder / "out", lambda _: None))


def test_a_champion_whose_categories_are_lost_is_told_to_be_at_a_disadvantage(tmp_path: Path) -> None:
    result = _judged(tmp_path, ("basic",))
    assert result.metrics["incumbent_test_accuracy"] == pytest.approx(0.5)  # "pro" became unknown, code 0
    (told,) = result.warnings
    words = "last week may be better than that: the data set's columns lack 1 of the 2 categories it knows: plan 'pro'."
    assert words in told


def test_a_champion_whose_categories_are_all_kept_is_judged_in_silence(tmp_path: Path) -> None:
    result = _judged(tmp_path, ("pro", "team", "basic"))
    assert result.metrics["incumbent_test_accuracy"] == 1
    assert result.warnings == ()
