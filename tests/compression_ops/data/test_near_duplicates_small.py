"""Pictures of less than 32 pixels a side that stand in two splits in another light, contrast or compression."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from compression_ops.data import near_duplicates_small
from compression_ops.data.near_duplicates import across_splits
from compression_ops.data.near_duplicates_small import search

Pictures = NDArray[np.uint8]


def _told(**splits: Pictures) -> tuple[int, list[str]]:
    digests = {name: [image.tobytes() for image in images] for name, images in splits.items()}
    return across_splits(splits, digests, {name: [f"{name}{i}" for i in range(len(s))] for name, s in splits.items()})


def _digits() -> Pictures:
    return np.rint(load_digits().images * 255 / 16).astype(np.uint8)[:, None]


def _drawn(count: int, side: int, channels: int = 1, seed: int = 0) -> Pictures:
    """Blots, each of its own."""
    noise = np.random.default_rng(seed).normal(size=(count, channels, side, side))
    smooth = gaussian_filter(noise, (0, 0, 1.5, 1.5))
    return np.clip(128 + smooth / smooth.std() * 60, 0, 255).astype(np.uint8)


def _levels(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Callable[[NDArray[Any]], Pictures]:
    return lambda images: np.clip(np.rint(change(images.astype(float))), 0, 255).astype(np.uint8)


def _jpeg(images: Pictures) -> Pictures:
    copies = np.empty_like(images)
    for copy, image in zip(copies, images, strict=True):
        stream = io.BytesIO()
        Image.fromarray(image[0]).save(stream, "JPEG", quality=90)
        copy[0] = np.asarray(Image.open(stream))
    return copies


_COPIES: dict[str, Callable[[Pictures], Pictures]] = {
    "less contrast": _levels(lambda x: 20 + x * 0.85),
    "brighter": _levels(lambda x: x * 1.15),
    "noise of two levels": _levels(lambda x: x + np.random.default_rng(1).normal(0, 2, x.shape)),
    "recompressed": _jpeg,
}


@pytest.mark.parametrize("kind", _COPIES)
def test_copies_of_digits_are_found_and_named_and_no_other_digit_is(kind: str) -> None:
    images = _digits()
    train, rest = images[:1200], images[1200:]
    copied = np.arange(0, 1200, 24)
    test = np.concatenate([_COPIES[kind](train[copied]), rest])
    count, [warning] = _told(train=train, validation=rest[:0], test=test)
    assert 0.95 * len(copied) <= count <= len(copied)
    assert f"{count} of {len(test):,} test samples look like one of train or validation" in warning
    assert "test0 like train0, test1 like train24, " in warning


def test_no_digit_of_scikit_learn_is_called_another() -> None:
    images = _digits()
    assert _told(train=images[:1200], validation=images[1200:1400], test=images[1400:]) == (0, [])


def test_the_most_alike_are_those_of_the_correlations_of_all_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    train = _drawn(300, 12)
    noise = np.random.default_rng(2).normal(0, 1, (60, 1, 12, 12)) * np.linspace(1, 8, 60)[:, None, None, None]
    test = np.concatenate([_levels(lambda x: x + noise)(train[::5]), _drawn(50, 12, seed=1)])
    monkeypatch.setattr(near_duplicates_small, "_ROWS", 17)
    monkeypatch.setattr(near_duplicates_small, "_COLUMNS", 40)
    nearest, alike = search({"train": train, "test": test})("test", np.arange(len(test)), "train")
    expected = np.corrcoef(test.reshape(len(test), -1), train.reshape(300, -1))[: len(test), len(test) :]
    found = expected.max(axis=1) > 0.996
    assert 10 < found.sum() < 60
    np.testing.assert_array_equal(alike, found)
    np.testing.assert_array_equal(nearest[alike], expected.argmax(axis=1)[alike])


def test_where_training_samples_are_as_alike_themselves_copies_must_be_more_so() -> None:
    """Cells of a solar module: one gradient of light, and a texture that is little beside it."""
    random = np.random.default_rng(0)
    light = np.linspace(40, 200, 20)[:, None] + np.zeros((20, 20))
    cells = _levels(lambda x: x + light)(random.normal(0, 3, (240, 1, 20, 20)))
    correlations = np.corrcoef(cells.reshape(240, -1)) - np.eye(240)
    assert 0.996 < correlations.max() < 0.999
    copies = _levels(lambda x: x * 0.9)(cells[:10])
    count, [warning] = _told(train=cells[:200], validation=cells[:0], test=np.concatenate([copies, cells[200:]]))
    assert count == 10
    assert "test0 like train0, test1 like train1, " in warning


def test_identical_and_blank_pictures_are_no_near_duplicates() -> None:
    train = _drawn(5, 16)
    blank = np.stack([np.full((1, 16, 16), level, np.uint8) for level in (10, 200)])
    blank[1, 0, 0, 0] += 1
    splits = {"train": np.concatenate([train, blank[:1]]), "test": np.concatenate([train, blank])}
    assert _told(validation=train[:0], **splits) == (0, [])


def test_the_same_shape_in_another_colour_is_another_picture() -> None:
    disc = (np.hypot(*(np.indices((20, 24)) - 10)) < 6).astype(np.uint8)
    red, blue = (np.stack([disc * level for level in levels])[None] for levels in ((200, 20, 20), (20, 20, 200)))
    assert _told(train=red, validation=red[:0], test=blue) == (0, [])
    assert _told(train=red, validation=red[:0], test=(red * 0.9).astype(np.uint8))[0] == 1


def test_a_long_strip_is_compared_too_and_what_has_less_than_eight_pixels_a_side_is_not() -> None:
    strip = np.tile(_drawn(4, 31) // 2, (1, 1, 1, 20))
    assert _told(train=strip, validation=strip[:1] + 1, test=strip[1:3] + 2)[0] == 3
    tiny = _drawn(4, 7) // 2
    assert _told(train=tiny, validation=tiny[:0], test=tiny + 1) == (0, [])
