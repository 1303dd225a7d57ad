"""Two linear classifiers on a small test split, against numpy and a loop in plain Python."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from compression_ops.data.dataset import load_description, load_split, save_split
from compression_ops.errors import DataError, ModelError
from compression_ops.evaluation.comparison import comparison
from compression_ops.evaluation.comparison.comparison import Comparison, Model
from compression_ops.evaluation.comparison.seen import seen
from tests.compression_ops import linear_models, small_data

_BRIGHT = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES) / 8


def _disturbed(seed: int) -> np.ndarray:
    return _BRIGHT + np.random.default_rng(seed).normal(0, 0.4, _BRIGHT.shape)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_data.artifact(tmp_path_factory.mktemp("data") / "dataset")


def _model(name: str, weights: np.ndarray, folder: Path, dataset: Path) -> Model:
    (folder / name).mkdir()
    onnx.save(linear_models.linear(weights, small_data.SHAPE), folder / name / "model.onnx")
    return Model(name, folder / name, load_description(dataset))


@pytest.fixture
def compared(dataset: Path, tmp_path: Path) -> Comparison:
    first, second = (_model(f"model {seed}", _disturbed(seed), tmp_path, dataset) for seed in (1, 2))
    return comparison.compare(first, second, dataset)


def _told(dataset: Path) -> tuple[list[int], list[list[float]], list[list[float]]]:
    """Labels, and both models' probabilities, sample by sample in float64."""
    description, test = load_description(dataset), load_split(dataset, "test")
    both: list[list[list[float]]] = []
    for seed in (1, 2):
        rows: list[list[float]] = []
        for image in test.samples.numpy():
            logits = ((image.astype(np.float64) / 255 - description.mean[0]) / description.std[0]).ravel() @ _disturbed(
                seed
            )
            powers = [math.exp(value) for value in logits.tolist()]
            rows.append([power / sum(powers) for power in powers])
        both.append(rows)
    return test.labels.tolist(), both[0], both[1]


def test_flips_are_those_that_a_plain_loop_finds_lost_ones_first(compared: Comparison, dataset: Path) -> None:
    labels, first, second = _told(dataset)
    expected: dict[str, list[int]] = {"lost": [], "gained": [], "neither": []}
    for sample, label in enumerate(labels):
        one, other = first[sample].index(max(first[sample])), second[sample].index(max(second[sample]))
        if one != other:
            expected["lost" if one == label else "gained" if other == label else "neither"].append(sample)
    assert all(expected[effect] for effect in ("lost", "gained")), "or this test shows nothing"
    assert [flip.sample for flip in compared.flips] == [sample for found in expected.values() for sample in found]
    assert Counter(flip.effect for flip in compared.flips) == {
        name: len(each) for name, each in expected.items() if each
    }
    for flip in compared.flips:
        assert flip.label == labels[flip.sample]
        assert flip.first.probabilities == pytest.approx(first[flip.sample], abs=1e-4)
        assert flip.second.probability == pytest.approx(max(second[flip.sample]), abs=1e-4)


def test_accuracy_its_change_and_that_of_each_class_are_counted(compared: Comparison, dataset: Path) -> None:
    labels, first, second = _told(dataset)
    said = [[row.index(max(row)) for row in rows] for rows in (first, second)]
    right = [[answer == label for answer, label in zip(answers, labels, strict=True)] for answers in said]
    assert compared.first.quality.accuracy.successes == sum(right[0])
    assert compared.change.points == pytest.approx(100 * (sum(right[1]) - sum(right[0])) / len(labels))
    assert compared.interval[0] < compared.change.points < compared.interval[1]
    for change in compared.class_changes:
        rows = [row for row, label in enumerate(labels) if label == change.label]
        assert change.samples == len(rows)
        gained = sum(right[1][row] - right[0][row] for row in rows)
        assert change.points == pytest.approx(100 * gained / len(rows))
        instead = Counter(said[1][row] for row in rows)
        instead.subtract(said[0][row] for row in rows)
        assert dict(change.confusions) == {cls: n for cls, n in instead.items() if n and cls != change.label}
    assert [change.points for change in compared.class_changes] == sorted(c.points for c in compared.class_changes)
    likelihood = -np.mean([math.log(row[label]) for row, label in zip(first, labels, strict=True)])
    assert compared.first.negative_log_likelihood == pytest.approx(likelihood, abs=1e-5)


def test_models_that_compute_the_same_flip_nothing(dataset: Path, tmp_path: Path) -> None:
    models = (_model(name, _disturbed(1), tmp_path, dataset) for name in ("a", "b"))
    found = comparison.compare(*models, dataset)
    assert (found.flips, found.class_changes, found.change.points, found.change.p_value) == ((), (), 0, 1)


def test_each_model_is_given_images_normalized_as_its_own_data_were(dataset: Path, tmp_path: Path) -> None:
    """Of other data with twice the deviation: half the weights compute the same logits of them, and no others."""
    model = _model("one", _disturbed(1), tmp_path, dataset)
    halved = _model("half", 2 * _disturbed(1), tmp_path, dataset)
    own = replace(model.description, std=tuple(2 * value for value in model.description.std))
    found = comparison.compare(model, replace(halved, description=own), dataset)
    assert found.flips == ()
    assert found.second.negative_log_likelihood == pytest.approx(found.first.negative_log_likelihood, rel=1e-5)


def test_models_of_other_classes_or_images_and_an_empty_split_are_refused(dataset: Path, tmp_path: Path) -> None:
    model = _model("one", _disturbed(1), tmp_path, dataset)
    for own, words in (
        (replace(model.description, classes=("a", "c", "b")), "one tells the classes a, c, b, but .* have a, b, c"),
        (
            replace(model.description, shape=(3, 8, 8)),
            "images of 3 channels, .* are images of 1 channel, 8",
        ),
    ):
        with pytest.raises(ModelError, match=words):
            comparison.compare(model, replace(model, description=own), dataset)
    bare = small_data.artifact(tmp_path / "bare")
    save_split(bare, "test", small_data.split(0, seed=0))
    with pytest.raises(DataError, match="the test split is empty"):
        comparison.compare(model, model, bare)


def test_test_samples_that_another_data_set_trained_on_are_counted(dataset: Path, tmp_path: Path) -> None:
    assert seen(dataset, dataset) == 0
    other, test = small_data.artifact(tmp_path / "other"), load_split(dataset, "test")
    save_split(other, "train", type(test)(test.samples[3:8].clone(), test.labels[3:8]))
    save_split(other, "validation", type(test)(test.samples[:1].clone(), test.labels[:1]))
    assert seen(dataset, other) == 6
