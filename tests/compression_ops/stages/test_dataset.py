"""The stage `dataset`."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter
from sklearn.datasets import load_digits

from compression_ops.choices import one_of
from compression_ops.data.dataset import SPLITS, Split, load_description, load_split
from compression_ops.data.sources import digits, mnist
from compression_ops.data.spec import SOURCE, DatasetSpec
from compression_ops.errors import DataError
from compression_ops.progress import Progress
from compression_ops.stages import dataset
from compression_ops.stages.stage import Context, StageResult

_DATA = Path(os.environ["COMPRESSION_DATA"])

_SOURCES: TypeAdapter[DatasetSpec] = TypeAdapter(one_of("data.sources", "source", SOURCE))


def _run(output: Path, root: Path, **parameters: Any) -> StageResult:
    output.mkdir()
    return dataset.run(_SOURCES.validate_python(parameters), {"raw_data": root}, Context(output))


def _digits(output: Path, **parameters: Any) -> StageResult:
    root = digits.locate(digits.Digits(source="digits"), [])
    assert root is not None
    return _run(output, root, source="digits", **parameters)


def _splits(folder: Path) -> dict[str, Split]:
    return {name: load_split(folder, name) for name in SPLITS}


def _rows(split: Split) -> set[tuple[int, ...]]:
    return {
        (label, *image) for image, label in zip(split.samples.flatten(1).tolist(), split.labels.tolist(), strict=True)
    }


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_splits_of_digits_are_a_partition_of_scikit_learns_digits(tmp_path: Path) -> None:
    result = _digits(tmp_path / "out")
    splits = _splits(tmp_path / "out")
    theirs = load_digits()
    pixels = np.rint(theirs.images * 255 / 16).astype(int).reshape(1797, 64)
    expected = sorted((int(label), *row) for label, row in zip(theirs.target, pixels.tolist(), strict=True))
    found = sorted(row for split in splits.values() for row in _rows(split))
    assert found == expected
    assert [result.metrics[f"{name}_samples"] for name in SPLITS] == [len(splits[name]) for name in SPLITS]
    assert (result.metrics["classes"], result.metrics["duplicates_across_splits"], result.warnings) == (10, 0, ())
    assert next(iter(result.metrics)) == "train_samples"
    for split in splits.values():
        assert (split.samples.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.samples.shape[1:] == (1, 8, 8)


def test_mean_and_deviation_are_those_of_the_training_split_alone(tmp_path: Path) -> None:
    _digits(tmp_path / "out", validation_fraction=0.5)
    pixels = load_split(tmp_path / "out", "train").samples.double() / 255
    description = load_description(tmp_path / "out")
    assert description.mean == pytest.approx([pixels.mean().item()], rel=1e-12)
    assert description.std == pytest.approx([pixels.std(correction=0).item()], rel=1e-12)
    assert (description.shape, description.classes) == ((1, 8, 8), tuple("0123456789"))


def test_the_same_parameters_give_the_same_bytes(tmp_path: Path) -> None:
    parameters = {"seed": 5, "limit": 700, "validation_fraction": 0.2}
    results = [_digits(tmp_path / name, **parameters) for name in "ab"]
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")
    assert sorted(_contents(tmp_path / "a")) == ["dataset.json", *sorted(f"{name}.safetensors" for name in SPLITS)]
    assert results[0] == results[1]


@pytest.mark.parametrize("changed", [{"seed": 1}, {"validation_fraction": 0.4}, {"limit": 100}])
def test_no_parameter_touches_the_test_split(tmp_path: Path, changed: dict[str, Any]) -> None:
    _digits(tmp_path / "a")
    _digits(tmp_path / "b", **changed)
    a, b = _contents(tmp_path / "a"), _contents(tmp_path / "b")
    assert a["test.safetensors"] == b["test.safetensors"]
    assert a["validation.safetensors"] != b["validation.safetensors"]


def test_a_limit_keeps_that_many_for_training_and_validation_in_the_proportion_of_the_classes(tmp_path: Path) -> None:
    result = _digits(tmp_path / "out", limit=500, validation_fraction=0.2)
    assert [result.metrics[f"{name}_samples"] for name in SPLITS[:2]] == [400, 100]
    _digits(tmp_path / "all")
    kept = _splits(tmp_path / "out")
    whole = _splits(tmp_path / "all")
    counts = torch.bincount(torch.cat([whole["train"].labels, whole["validation"].labels]))
    limited = torch.bincount(torch.cat([kept["train"].labels, kept["validation"].labels]))
    assert (limited - counts / counts.sum() * 500).abs().max() < 1
    assert (torch.bincount(kept["validation"].labels) - limited * 0.2).abs().max() < 1


@pytest.mark.mnist
def test_mnist_keeps_its_own_test_split_in_its_own_order(tmp_path: Path) -> None:
    spec = mnist.MNIST(source="mnist")
    root = mnist.locate(spec, [_DATA])
    assert root is not None
    result = _run(tmp_path / "out", root, source="mnist")
    splits, raw = _splits(tmp_path / "out"), mnist.read(spec, root)
    assert not isinstance(raw.test, dataset.HoldOut)
    np.testing.assert_array_equal(splits["test"].samples.numpy(), raw.test.values)
    np.testing.assert_array_equal(splits["test"].labels.numpy(), raw.test.labels)
    assert [result.metrics[f"{name}_samples"] for name in SPLITS] == [54_000, 6_000, 10_000]
    expected = np.bincount(raw.train.labels) * 0.1
    assert np.abs(np.bincount(splits["validation"].labels.numpy()) - expected).max() < 1
    checksum = sum(int(splits[name].samples.long().sum()) for name in SPLITS[:2])
    assert checksum == int(raw.train.values.sum(dtype=np.int64))


def test_test_samples_that_training_knows_are_counted_and_told(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    labels = np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=images[:30], y_train=labels[:30], x_test=images[27:], y_test=labels[27:])
    result = _run(tmp_path / "out", tmp_path / "a.npz", source="npz", path="a.npz")
    assert result.metrics["duplicates_across_splits"] == 3
    assert "3 of 13 test samples" in result.warnings[0]


def test_held_out_duplicates_never_cross_the_test_line(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8).repeat(3, axis=0)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(180) % 3)
    result = _run(tmp_path / "out", tmp_path / "a.npz", source="npz", path="a.npz", test_fraction=0.3)
    assert result.metrics["duplicates_across_splits"] == 0
    assert result.metrics["test_samples"] > 20


def test_images_of_a_folder_stay_in_their_split_when_others_are_added(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)

    def add(low: int, high: int) -> None:
        for number in range(low, high):
            path = tmp_path / "pets" / ("cat", "dog")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(path)

    parameters: dict[str, Any] = {"source": "image_folder", "path": "pets", "image_size": 8}
    add(0, 120)
    _run(tmp_path / "before", tmp_path / "pets", **parameters)
    add(120, 200)
    _run(tmp_path / "after", tmp_path / "pets", **parameters)
    before, after = (
        {name: _rows(split) for name, split in _splits(tmp_path / out).items()} for out in ("before", "after")
    )
    assert before["test"] < after["test"]
    assert not before["test"] & (after["train"] | after["validation"])
    assert (before["train"] | before["validation"]) < (after["train"] | after["validation"])


def test_progress_is_told_and_ends_with_the_metrics(tmp_path: Path) -> None:
    told: list[Progress] = []
    root = digits.locate(digits.Digits(source="digits"), [])
    assert root is not None
    result = dataset.run(digits.Digits(source="digits"), {"raw_data": root}, Context(tmp_path, told.append))
    assert [(step.done, step.total) for step in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert told[-1].metrics == result.metrics


def test_warnings_of_the_source_and_of_the_checks_reach_the_user(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((200, 3, 8, 8))
    images[:, 1] = 0
    np.savez(tmp_path / "a.npz", images=images, labels=(np.arange(200) < 15).astype(int))
    result = _run(tmp_path / "out", tmp_path / "a.npz", source="npz", path="a.npz")
    assert [word in " ".join(result.warnings) for word in ("256 levels", "channel 1", "unbalanced")] == [True] * 3
    assert load_description(tmp_path / "out").std[1] == 1.0


@pytest.mark.parametrize(
    ("arrays", "parameters", "message"),
    [
        ({"labels": np.arange(60) % 2 * 2}, {}, "train: no sample of 1 class"),
        ({"labels": np.arange(60) % 3 - 1}, {}, "train: 20 label.*out of range"),
        ({"labels": np.arange(59) % 2}, {}, "60 images and 59 labels"),
        ({"labels": np.repeat([0, 1], [58, 2])}, {}, "class '1' has 2 sample.*at least 3"),
        ({"labels": np.arange(60) % 3}, {"limit": 5}, "limit is 5; with 3 classes at least 6"),
        ({"labels": np.zeros(60, int)}, {}, "at least two are needed"),
        ({"labels": np.arange(60) % 2, "classes": ["a", "a"]}, {}, "stand more than once"),
        ({"labels": np.arange(60) % 2, "classes": ["a"]}, {}, "at least two are needed"),
        ({"labels": np.arange(60) % 2, "images": np.zeros((60, 8, 8), np.uint8)}, {}, "class '0' has 30.*1 different"),
    ],
)
def test_unsound_data_are_refused_and_nothing_is_written(
    tmp_path: Path, arrays: dict[str, Any], parameters: dict[str, Any], message: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", **({"images": images} | arrays))
    with pytest.raises(DataError, match=message):
        _run(tmp_path / "out", tmp_path / "a.npz", source="npz", path="a.npz", **parameters)
    assert list((tmp_path / "out").iterdir()) == []


def test_no_group_stands_in_two_splits(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(120):
        path = tmp_path / "pets" / ("cat", "dog")[number % 2] / f"p{number // 2 % 10}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # The group's number is the level of the whole picture, by which the splits are told apart below.
        Image.fromarray(np.full((8, 8, 3), 20 * (number // 2 % 10) + generator.integers(0, 6), np.uint8)).save(path)
    parameters: dict[str, Any] = {"source": "image_folder", "path": "pets", "image_size": 8, "groups": "folder"}
    _run(tmp_path / "out", tmp_path / "pets", **parameters)
    found = [set((split.samples[:, 0, 0, 0] // 20).tolist()) for split in _splits(tmp_path / "out").values()]
    assert sum(map(len, found)) == 10
    assert set.union(*found) == set(range(10))


def test_groups_that_stand_in_the_datas_own_train_and_test_are_refused(tmp_path: Path) -> None:
    images, labels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) % 2
    arrays = {"x_train": images[:30], "y_train": labels[:30], "x_test": images[30:], "y_test": labels[30:]}
    np.savez(tmp_path / "a.npz", **arrays, film_train=np.arange(30) // 3, film_test=np.arange(10) // 3 + 9)
    with pytest.raises(DataError, match=r"1 group.* stand in train and in test: 9"):
        _run(tmp_path / "out", tmp_path / "a.npz", source="npz", path="a.npz", groups="film")


def test_copies_of_pictures_across_splits_are_named_by_their_files(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for split, name, count in (("train", "cat", 6), ("train", "dog", 6), ("test", "cat", 2), ("test", "dog", 2)):
        (tmp_path / "pets" / split / name).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(generator.integers(0, 256, (6, 6, 3), np.uint8)).resize((64, 64))
            picture.save(tmp_path / "pets" / split / name / f"{number}.png")
    with Image.open(tmp_path / "pets" / "train" / "dog" / "3.png") as picture:
        picture.save(tmp_path / "pets" / "test" / "dog" / "copy.jpg", quality=70)
    parameters: dict[str, Any] = {"source": "image_folder", "path": "pets", "image_size": 48}
    result = _run(tmp_path / "out", tmp_path / "pets", **parameters)
    assert result.metrics["near_duplicates_across_splits"] == 1
    assert "test/dog/copy.jpg like train/dog/3.png" in " ".join(result.warnings)
