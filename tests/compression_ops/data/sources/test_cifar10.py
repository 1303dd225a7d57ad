"""CIFAR-10's binary version, against torchvision's reading of the same images in the python version."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets

from compression_ops.data.samples import Samples
from compression_ops.data.sources import cifar10
from compression_ops.errors import DataError

_SPEC = cifar10.CIFAR10(source="cifar10")
_TRAIN = [f"data_batch_{number}" for number in range(1, 6)]


def _write(folder: Path, count: int = 4) -> dict[str, tuple[Any, list[int]]]:
    """Six batches in the binary version; what they hold: rows of 3,072 pixels and labels, by name."""
    generator = np.random.default_rng(0)
    root = folder / "cifar-10-batches-bin"
    root.mkdir(parents=True)
    batches: dict[str, tuple[Any, list[int]]] = {}
    for name in [*_TRAIN, "test_batch"]:
        rows, labels = generator.integers(0, 256, (count, 3072), np.uint8), generator.integers(0, 10, count).tolist()
        content = b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, rows, strict=True))
        (root / f"{name}.bin").write_bytes(content)
        batches[name] = rows, labels
    return batches


def _write_python_version(folder: Path, batches: dict[str, tuple[Any, list[int]]], patch: pytest.MonkeyPatch) -> None:
    """The same batches as the pickles that torchvision reads (written here, by the test itself)."""
    root = folder / "cifar-10-batches-py"
    root.mkdir()
    sums: dict[str, str] = {}
    contents: dict[str, Any] = {name: {"data": rows, "labels": labels} for name, (rows, labels) in batches.items()}
    for name, content in {**contents, "batches.meta": {"label_names": list(cifar10._CLASSES)}}.items():  # pyright: ignore
        (root / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((root / name).read_bytes(), usedforsecurity=False).hexdigest()
    patch.setattr(datasets.CIFAR10, "train_list", [[name, sums[name]] for name in _TRAIN])
    patch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    patch.setattr(
        datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    )


def test_both_versions_hold_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = _write(tmp_path)
    _write_python_version(tmp_path, batches, monkeypatch)
    root = cifar10.locate(_SPEC, [tmp_path / "elsewhere", tmp_path])
    assert root == tmp_path / "cifar-10-batches-bin"
    raw = cifar10.read(_SPEC, root)
    assert isinstance(raw.test, Samples)
    for train, samples in ((True, raw.train), (False, raw.test)):
        theirs = datasets.CIFAR10(tmp_path, train=train)
        np.testing.assert_array_equal(samples.values.transpose(0, 2, 3, 1), theirs.data)
        assert samples.labels.tolist() == theirs.targets
        assert (samples.values.dtype, samples.labels.dtype) == (np.uint8, np.int64)
        assert list(raw.classes) == theirs.classes


def test_the_raw_files_are_the_six_batches_sorted(tmp_path: Path) -> None:
    _write(tmp_path)
    listed = cifar10.files(_SPEC, tmp_path / "cifar-10-batches-bin")
    assert listed == sorted(listed)
    assert [path.stem for path in listed] == [*_TRAIN, "test_batch"]


def test_a_folder_that_lacks_a_batch_is_not_taken(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    assert cifar10.locate(_SPEC, [tmp_path]) is None
    with pytest.raises(DataError, match=r"data_batch_3\.bin: cannot be read"):
        cifar10.read(_SPEC, tmp_path / "cifar-10-batches-bin")


def test_pickles_alone_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    for name in [*_TRAIN, "test_batch"]:
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert cifar10.locate(_SPEC, [tmp_path]) is None


@pytest.mark.parametrize("size", [0, 3072, 3073 * 4 - 1, 3073 * 4 + 1])
def test_a_batch_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    _write(tmp_path)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(bytes(size))
    with pytest.raises(DataError, match=rf"test_batch\.bin: {size:,} bytes; expected a positive multiple of 3,073"):
        cifar10.read(_SPEC, tmp_path / "cifar-10-batches-bin")
