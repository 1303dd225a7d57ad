"""The IDX format, MNIST and Fashion-MNIST."""

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets
from torchvision.datasets.mnist import read_image_file, read_label_file

from compression_ops.data.formats import idx
from compression_ops.data.samples import Samples
from compression_ops.data.sources import fashion_mnist, mnist
from compression_ops.errors import DataError

_DATA = Path(os.environ["COMPRESSION_DATA"])
_SPEC = mnist.MNIST(source="mnist")


def _encode(array: "np.ndarray[Any, Any]") -> bytes:
    """An array of bytes as IDX, written from the format's description."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.astype(np.uint8).tobytes()


def _write(root: Path, gzipped: bool = False, train: int = 12, test: int = 5, side: int = 28) -> dict[str, Any]:
    """Four small files; what they hold, by name."""
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in (("train", train), ("t10k", test)):
        arrays[f"{split}-images-idx3-ubyte"] = generator.integers(0, 256, (count, side, side), np.uint8)
        arrays[f"{split}-labels-idx1-ubyte"] = generator.integers(0, 10, count, np.uint8)
    root.mkdir(parents=True)
    for name, array in arrays.items():
        content = _encode(array)
        (root / (name + ".gz" * gzipped)).write_bytes(gzip.compress(content) if gzipped else content)
    return arrays


@pytest.mark.parametrize("gzipped", [False, True])
def test_images_and_labels_are_those_written(tmp_path: Path, gzipped: bool) -> None:
    arrays = _write(tmp_path / "raw", gzipped)
    raw = mnist.read(_SPEC, tmp_path / "raw")
    assert isinstance(raw.test, Samples)
    for split, samples in (("train", raw.train), ("t10k", raw.test)):
        np.testing.assert_array_equal(samples.values[:, 0], arrays[f"{split}-images-idx3-ubyte"])
        np.testing.assert_array_equal(samples.labels, arrays[f"{split}-labels-idx1-ubyte"])
        assert (samples.values.dtype, samples.labels.dtype) == (np.uint8, np.int64)


@pytest.mark.mnist
def test_the_shared_mnist_is_read_as_torchvision_reads_it(tmp_path: Path) -> None:
    root = mnist.locate(_SPEC, [tmp_path, _DATA])
    assert root == _DATA / "MNIST" / "raw"
    raw = mnist.read(_SPEC, root)
    assert isinstance(raw.test, Samples)
    assert (len(raw.train), len(raw.test), raw.classes) == (60_000, 10_000, tuple("0123456789"))
    for split, samples in (("train", raw.train), ("t10k", raw.test)):
        # torchvision refuses the gzipped files for their checksum, and takes gunzipped ones.
        for kind in ("images-idx3", "labels-idx1"):
            source, target = root / f"{split}-{kind}-ubyte.gz", tmp_path / f"{split}-{kind}"
            with gzip.open(source) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        expected = read_image_file(str(tmp_path / f"{split}-images-idx3")).numpy()
        np.testing.assert_array_equal(samples.values[:, 0], expected)
        np.testing.assert_array_equal(samples.labels, read_label_file(str(tmp_path / f"{split}-labels-idx1")).numpy())


def test_fashion_mnist_is_found_in_torchvisions_folder_and_has_its_class_names(tmp_path: Path) -> None:
    spec = fashion_mnist.FashionMNIST(source="fashion_mnist")
    arrays = _write(tmp_path / "b" / "FashionMNIST" / "raw")
    root = fashion_mnist.locate(spec, [tmp_path / "a", tmp_path / "b"])
    assert root == tmp_path / "b" / "FashionMNIST" / "raw"
    theirs = datasets.FashionMNIST(tmp_path / "b", train=True)
    raw = fashion_mnist.read(spec, root)
    np.testing.assert_array_equal(raw.train.values[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(raw.train.labels, arrays["train-labels-idx1-ubyte"])
    assert list(raw.classes) == theirs.classes


def test_the_first_folder_that_holds_all_four_files_is_taken(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / name / "MNIST" / "raw", gzipped=name == "b")
    (tmp_path / "a" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert mnist.locate(_SPEC, [tmp_path / name for name in "abc"]) == tmp_path / "b" / "MNIST" / "raw"
    assert mnist.locate(_SPEC, [tmp_path / "a"]) is None
    assert mnist.locate(_SPEC, []) is None


def test_of_a_file_and_its_gzipped_twin_the_plain_one_is_read_and_listed(tmp_path: Path) -> None:
    _write(tmp_path / "raw")
    twin = tmp_path / "raw" / "train-images-idx3-ubyte.gz"
    twin.write_bytes(b"damaged")
    listed = mnist.files(_SPEC, tmp_path / "raw")
    assert [path.name for path in listed] == [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
    ]
    assert len(mnist.read(_SPEC, tmp_path / "raw").train) == 12


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "raw")
    (tmp_path / "raw" / "t10k-labels-idx1-ubyte").unlink()
    for act in (mnist.files, mnist.read):
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.*nor t10k-labels-idx1-ubyte\.gz is there"):
            act(_SPEC, tmp_path / "raw")


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "raw", side=8)
    with pytest.raises(DataError, match=r"images of 8 x 8 pixels; expected 28 x 28"):
        mnist.read(_SPEC, tmp_path / "raw")


def test_fewer_labels_than_images_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "raw")
    (tmp_path / "raw" / "train-labels-idx1-ubyte").write_bytes(_encode(np.zeros(11)))
    with pytest.raises(DataError, match=r"12 images, train-labels-idx1-ubyte beside it 11 labels"):
        mnist.read(_SPEC, tmp_path / "raw")


_GOOD = _encode(np.zeros((3, 2, 2)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"begins with the bytes \(none\); expected 00 00 08 03"),
        (b"\0\0", "begins with the bytes 00 00; expected"),
        (b"<!DOCTYPE html>", "begins with the bytes 3c 21 44 4f"),
        (_encode(np.zeros(12)), "begins with the bytes 00 00 08 01"),
        (b"\0\0\x0d\3" + _GOOD[4:], "begins with the bytes 00 00 0d 03"),
        (_GOOD[:-1], r"27 bytes; expected 28 for the shape \[3, 2, 2\]"),
        (_GOOD + b"\0", "more than 28 bytes; expected 28"),
        (_GOOD[:10], "10 bytes; expected"),
        (b"\0\0\x08\3" + b"\xff" * 12, r"16 bytes; expected 79,228,162,458,924,105,385,300,197,391"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_of_wrong_content_is_refused_with_found_and_expected(
    tmp_path: Path, content: bytes, message: str, suffix: str
) -> None:
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(DataError, match=f"{path.name}: {message}.*Replace the file"):
        idx.read(path, 3)


def _bits_flipped(packed: bytes) -> bytes:
    return packed[:12] + b"\xff\xff" + packed[14:]


@pytest.mark.parametrize(
    "damage",
    [lambda packed: packed[:-9], lambda packed: packed[:5], lambda packed: b"", lambda packed: b"text", _bits_flipped],
    ids=["tail lost", "head only", "empty", "no gzip", "bits flipped"],
)
def test_a_damaged_gzip_file_is_refused_by_its_name(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(gzip.compress(_GOOD)))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: "):
        idx.read(path, 3)


def test_a_file_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read.*No such file"):
        idx.read(tmp_path / "gone", 1)
