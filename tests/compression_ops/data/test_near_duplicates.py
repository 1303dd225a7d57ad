"""Pictures that stand in two splits in another size, format or light."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.fft import dctn
from sklearn.datasets import load_digits, load_sample_images

from compression_ops.data import near_duplicates
from compression_ops.data.near_duplicates import ALIKE, across_splits, fingerprints, most_alike
from compression_ops.data.sources import mnist

_SIDE = 64
_SPLITS = ("train", "validation", "test")


def _photos() -> list[Image.Image]:
    """Patches of two photographs, none of which overlaps another."""
    pictures = [Image.fromarray(photo) for photo in load_sample_images().images]
    corners = [(x, y) for y in range(0, 320, 106) for x in range(0, 530, 106)]
    return [picture.crop((x, y, x + 106, y + 106)) for picture in pictures for x, y in corners]


def _array(pictures: list[Image.Image]) -> np.ndarray:
    """uint8 [N, 3, 64, 64]."""
    scaled = [np.asarray(picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)) for picture in pictures]
    return np.ascontiguousarray(np.stack(scaled).transpose(0, 3, 1, 2))


def _told(**splits: np.ndarray) -> tuple[int, list[str]]:
    digests = {name: [image.tobytes() for image in images] for name, images in splits.items()}
    return across_splits(splits, digests, {name: [f"{name}{i}" for i in range(len(s))] for name, s in splits.items()})


def _jpeg(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return Image.open(stream)


_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": _jpeg,
    "half the size": lambda picture: picture.resize((53, 53), Image.Resampling.LANCZOS),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.9),
    "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.85),
}


def test_a_fingerprint_is_the_lowest_dct_coefficients_without_the_mean_of_length_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 40, 56), np.uint8)
    expected = dctn(images.mean(axis=1), axes=(1, 2), norm="ortho")[:, :16, :16]
    expected[:, 0, 0] = 0
    expected /= np.linalg.norm(expected, axis=(1, 2), keepdims=True)
    found = fingerprints(images)
    assert (found.shape, found.dtype) == ((5, 256), np.float32)
    np.testing.assert_allclose(np.sort(found, axis=1), np.sort(expected.reshape(5, -1), axis=1), atol=1e-5)
    np.testing.assert_allclose(found @ found.T, np.einsum("aij,bij->ab", expected, expected), atol=1e-5)


def test_the_most_alike_are_those_of_the_whole_product(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    theirs = random.normal(size=(300, 256)).astype(np.float32)
    ours = np.concatenate([theirs[::7] + random.normal(0, 0.02, (43, 256)), random.normal(size=(50, 256))])
    ours, theirs = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (ours.astype(np.float32), theirs))
    monkeypatch.setattr(near_duplicates, "_ROWS", 17)
    monkeypatch.setattr(near_duplicates, "_COLUMNS", 40)
    nearest, cosine = most_alike(ours, theirs)
    whole = ours @ theirs.T
    alike = whole.max(axis=1) > ALIKE
    assert alike.sum() == 43
    np.testing.assert_array_equal(cosine > ALIKE, alike)
    np.testing.assert_array_equal(nearest[alike], whole.argmax(axis=1)[alike])


@pytest.mark.parametrize("kind", _COPIES)
def test_most_copies_of_photographs_are_found_and_named_and_nothing_else(kind: str) -> None:
    photos = _photos()
    half = len(photos) // 2
    copies = [_COPIES[kind](photo) for photo in photos[:half:2]]
    train, test = _array(photos[:half]), _array(copies + photos[half:])
    count, [warning] = _told(train=train, validation=train[:0], test=test)
    assert 0.75 * len(copies) <= count <= len(copies)
    assert f"{count} of {len(test)} test samples look like one of train or validation" in warning
    pairs = warning.rpartition("dataset.groups: ")[2].split(" and ")[0].rstrip(".").split(", ")
    assert all(int(left.removeprefix("test")) * 2 == int(right.removeprefix("train")) for left, right in
               (pair.split(" like ") for pair in pairs))  # fmt: skip


def test_a_validation_sample_whose_copy_is_in_train_is_told_too() -> None:
    photos = _photos()
    train, validation = _array(photos[:10]), _array([_COPIES["darker"](photos[3])])
    count, [warning] = _told(train=train, validation=validation, test=_array(photos[10:20]))
    assert count == 1
    assert "validation0 like train3" in warning


def test_identical_and_blank_pictures_are_no_near_duplicates() -> None:
    train = _array(_photos()[:5])
    blank = np.stack([np.full((3, _SIDE, _SIDE), level, np.uint8) for level in (10, 200)])
    blank[1, 0, 0, 0] += 1
    assert _told(
        train=np.concatenate([train, blank[:1]]), validation=train[:0], test=np.concatenate([train, blank])
    ) == (0, [])


def test_the_same_shape_in_another_colour_is_another_picture() -> None:
    disc = (np.hypot(*(np.indices((_SIDE, _SIDE)) - 31.5)) < 20).astype(np.uint8)
    red, blue = (np.stack([disc * level for level in levels])[None] for levels in ((200, 20, 20), (20, 20, 200)))
    assert _told(train=red, validation=red[:0], test=blue) == (0, [])
    assert _told(train=red, validation=red[:0], test=(red * 0.9).astype(np.uint8))[0] == 1


def test_no_digit_of_scikit_learn_is_called_another_when_enlarged() -> None:
    levels = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR)) for image in levels]
    images = np.stack(large)[:, None]
    assert _told(train=images[:1200], validation=images[1200:1400], test=images[1400:]) == (0, [])


@pytest.mark.slow
@pytest.mark.mnist
def test_no_test_digit_of_mnist_is_called_a_training_digit() -> None:
    spec = mnist.MNIST(source="mnist")
    root = mnist.locate(spec, [Path(os.environ["COMPRESSION_DATA"])])
    assert root is not None
    raw = mnist.read(spec, root)
    train, test = raw.train.values, raw.test.values  # type: ignore[union-attr]
    splits = {"train": train[:54_000], "validation": train[54_000:], "test": test}
    assert _told(**splits) == (0, [])
    assert _told(**{name: np.pad(part, ((0, 0), (0, 0), (2, 2), (2, 2))) for name, part in splits.items()}) == (0, [])
    assert not (most_alike(fingerprints(test), fingerprints(train))[1] > ALIKE).any()
