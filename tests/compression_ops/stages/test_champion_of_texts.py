"""A champion of texts is judged on the words that the data set kept, and the decision says which it lost."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.stages import champion
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import linear_models

WORDS = ("bad", "film", "good")
TEXTS = np.arange(60) % 2  # "bad" and "good", of classes 0 and 1


def _saved(folder: Path, words: tuple[str, ...], weights: list[list[float]]) -> Path:
    """A model of texts of two words, whose logits are ids @ weights."""
    said = Description(("no", "yes"), (2,), (), (), Tokens("words", 2 + len(words), words))
    proto = raw_samples.normalizing(linear_models.linear(np.array(weights), (2,)), said)
    metadata.describe(proto, said)
    folder.mkdir()
    onnx.save(proto, folder / "model.onnx")
    return folder


def _judged(folder: Path, kept: tuple[str, ...]) -> StageResult:
    """The contest of a data set of texts `film` and `bad` or `good`, with these words, against a champion of WORDS."""
    said = Description(("no", "yes"), (2,), (), (), Tokens("words", 2 + len(kept), kept))
    places = {word: 2 + place for place, word in enumerate(kept)}
    ids = torch.tensor([[places.get("film", 1), places.get(("bad", "good")[text], 1)] for text in TEXTS])
    dataset = folder / "dataset"
    dataset.mkdir()
    save_split(dataset, "test", Split(ids, torch.from_numpy(TEXTS)))
    save_description(dataset, said)
    # The champion knows film as 3, bad as 2, good as 4: class 1 where the second id is larger than the first.
    given = {
        "dataset": dataset,
        "new": _saved(folder / "new", kept, [[0, 0], [1, 0]]),
        "incumbent": _saved(folder / "old", WORDS, [[1, 0], [0, 1]]),
    }
    parameters = champion.Champion(candidates={"new": []}, incumbent="last week", threads=1, iterations=10)
    (folder / "out").mkdir()
    return champion.run(parameters, given, Context(folder / "out", lambda _: None))


def test_a_champion_whose_words_are_lost_is_told_to_be_at_a_disadvantage(tmp_path: Path) -> None:
    result = _judged(tmp_path, ("film", "bad"))
    assert result.metrics["incumbent_test_accuracy"] == pytest.approx(0.5)  # "good" became unknown, id 1
    (told,) = result.warnings
    assert "last week may be better than that: the data set's vocabulary lacks 1 of the 3 words it knows: good." in told


def test_a_champion_whose_words_are_all_kept_is_judged_in_silence(tmp_path: Path) -> None:
    result = _judged(tmp_path, ("film", "good", "bad", "new"))
    assert result.metrics["incumbent_test_accuracy"] == 1
    assert result.warnings == ()
