"""What a data set must satisfy, and what a user is told of it."""

from typing import Any

import numpy as np
import pytest
import torch

from compression_ops.data.modalities.images import Images
from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.soundness import class_balance, duplicates_across_splits, require_sound
from compression_ops.errors import DataError


def _samples(labels: list[int], shape: tuple[int, ...] = (1, 4, 4)) -> Samples:
    generator = np.random.default_rng(0)
    return Samples(generator.integers(0, 256, (len(labels), *shape), np.uint8), np.array(labels, np.int64))


def _raw(**changes: Any) -> RawData:
    fields: dict[str, Any] = {"train": _samples([0, 1, 0, 1]), "test": HoldOut(0.2), "classes": ("a", "b")}
    return RawData(**(fields | changes))


def test_sound_data_pass_with_and_without_a_test_split() -> None:
    require_sound(_raw())
    require_sound(_raw(test=_samples([1, 0])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ()}, "at least two are needed"),
        ({"classes": ("a",)}, "at least two are needed"),
        ({"classes": ("a", "a")}, r"\['a'\] stand more than once"),
        ({"classes": ("a", "b", "c")}, "train: no sample of 1 class.*'c'"),
        ({"train": _samples([0, 1, 2, 5])}, r"train: 2 label.*first sample 2 with label 2; allowed are 0 to 1"),
        ({"train": _samples([0, -1, 1])}, r"train: 1 label.*first sample 1 with label -1"),
        ({"train": _samples([])}, "train: no sample of 2 class"),
        ({"test": _samples([0, 0])}, "test: no sample of 1 class.*'b'"),
        ({"test": _samples([0, 2])}, "test: 1 label"),
        ({"test": _samples([0, 1], (3, 4, 4))}, r"differing shapes.*\(1, 4, 4\) in train.*\(3, 4, 4\) in test"),
        ({"train": _samples([0, 1], (1, 0, 4))}, r"\[1, 0, 4\] are empty"),
        ({"train": Samples(_samples([0, 1]).values, np.array([0, 1, 1]))}, "2 images and 3 labels"),
        ({"train": Samples(_samples([0, 1]).values.astype(np.float32), np.array([0, 1]))}, "images float32"),  # pyright: ignore
        ({"train": Samples(_samples([0, 1]).values, np.array([0.0, 1.0]))}, "labels float64"),  # pyright: ignore
        ({"train": Samples(_samples([0, 1]).values[:, 0], np.array([0, 1]))}, r"images uint8 \[2, 4, 4\]"),
    ],
)
def test_unsound_data_are_refused_with_what_was_found(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_sound(_raw(**changes))


def test_many_empty_classes_are_counted_and_a_few_named() -> None:
    with pytest.raises(DataError, match=r"no sample of 98 class\(es\): '2', '3', '4', '5', '6';"):
        require_sound(_raw(classes=tuple(map(str, range(100)))))


def test_mean_and_deviation_are_those_of_torch_in_double_precision() -> None:
    images = _samples([0] * 50, (3, 9, 7)).values // np.array([1, 2, 5], np.uint8).reshape(3, 1, 1)
    mean, std, warnings = Images().statistics(images, "train")
    pixels = torch.from_numpy(images).double() / 255
    assert mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), rel=1e-12)
    assert std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist(), rel=1e-12)
    assert warnings == []


def test_a_constant_channel_is_told_and_gets_a_harmless_deviation() -> None:
    images = _samples([0, 1], (3, 4, 4)).values
    images[:, 1] = 7
    mean, std, warnings = Images().statistics(images, "train")
    assert (mean[1], std[1]) == (pytest.approx(7 / 255), 1.0)
    assert warnings == ["train: channel 1 has the same value in every pixel; it tells nothing."]


def test_images_of_one_colour_are_refused() -> None:
    with pytest.raises(DataError, match="every pixel has the same value"):
        Images().statistics(np.full((3, 1, 4, 4), 200, np.uint8), "train")


def test_balance_is_the_smallest_class_over_the_largest() -> None:
    labels = np.repeat([0, 1, 2], [30, 60, 40])
    assert class_balance(labels, ("a", "b", "c")) == (0.5, [])


def test_a_class_ten_times_smaller_than_another_is_told() -> None:
    balance, warnings = class_balance(np.repeat([0, 1], [9, 1000]), ("cat", "dog"))
    assert balance == 0.009
    assert "9 training samples of 'cat', 1,000 of 'dog'" in warnings[0]


def test_test_samples_that_also_stand_in_train_or_validation_are_counted() -> None:
    digests = {"train": [b"a", b"b"], "validation": [b"c"], "test": [b"x", b"c", b"a", b"a"]}
    count, warnings = duplicates_across_splits(digests)
    assert count == 3
    assert "3 of 4 test samples" in warnings[0]
    assert "first: test sample 1" in warnings[0]
    assert duplicates_across_splits(digests | {"test": [b"x"]}) == (0, [])
