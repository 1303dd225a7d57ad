"""Squares of photographs, cut by a plain loop over what scikit-image and scikit-learn load."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.sources import photographs
from compression_ops.errors import DataError
from compression_ops.progress import silent

skimage_data = importlib.import_module("skimage.data")  # without types
_SPEC = photographs.Photographs(source="photographs")


def _root() -> Path:
    root = photographs.locate(_SPEC, [])
    assert root is not None
    return root


@pytest.fixture(scope="module")
def raw() -> RawData:
    return photographs.read(_SPEC, _root())


def test_all_squares_of_a_small_photograph_are_taken_row_by_row(raw: RawData) -> None:
    cat = skimage_data.chelsea()  # 300 x 451 pixels
    expected = [
        cat[top : top + 32, left : left + 32] for top in range(0, 300 - 31, 32) for left in range(0, 451 - 31, 32)
    ]
    found = raw.train.values[raw.train.labels == raw.classes.index("cat")]
    np.testing.assert_array_equal(found, np.stack(expected).transpose(0, 3, 1, 2))


def test_of_a_large_photograph_400_squares_are_taken_evenly(raw: RawData) -> None:
    retina = skimage_data.retina()  # 44 x 44 squares
    places = [round(number * (44 * 44 - 1) / 399) for number in range(400)]
    expected = [retina[32 * (n // 44) : 32 * (n // 44) + 32, 32 * (n % 44) : 32 * (n % 44) + 32] for n in places]
    found = raw.train.values[raw.train.labels == raw.classes.index("retina")]
    np.testing.assert_array_equal(found, np.stack(expected).transpose(0, 3, 1, 2))


def test_the_two_of_scikit_learn_are_among_them(raw: RawData) -> None:
    for name, file in (("temple", "china.jpg"), ("flower", "flower.jpg")):
        first = raw.train.values[raw.train.labels == raw.classes.index(name)][0]
        np.testing.assert_array_equal(first, load_sample_image(file)[:32, :32].transpose(2, 0, 1))


def test_what_it_holds(raw: RawData) -> None:
    assert raw.train.values.shape == (2779, 3, 32, 32)
    assert raw.train.values.dtype == np.uint8
    assert len(raw.classes) == 10
    assert raw.classes == tuple(sorted(raw.classes))
    assert raw.test == HoldOut(0.2)


def test_its_raw_files_are_those_that_are_installed() -> None:
    files = photographs.files(_SPEC, _root())
    assert len(files) == 10
    assert files == sorted(files)
    assert all(path.is_file() for path in files)


def test_without_scikit_image_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:

    def no_package(name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", no_package)
    assert photographs.locate(_SPEC, []) is None


def test_without_scikit_image_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pip install scikit-image scikit-learn"):
        photographs.download(_SPEC, tmp_path, silent)


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "cut short"])
def test_a_damaged_photograph_is_named_with_the_cure(tmp_path: Path, content: bytes | None) -> None:
    for original in photographs.files(_SPEC, _root()):
        copy = tmp_path / original.relative_to(_root())
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), "red").save(copy)
    damaged = tmp_path / "skimage" / "data" / "coffee.png"
    damaged.write_bytes(damaged.read_bytes()[:-40] if content is None else content)
    with pytest.raises(DataError, match=r"coffee\.png: .*pip install --force-reinstall scikit-image"):
        photographs.read(_SPEC, tmp_path)
