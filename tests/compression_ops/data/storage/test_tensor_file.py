"""Safetensors files written block by block, against the library of that name."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from compression_ops.data.storage import tensor_file
from compression_ops.data.storage.tensor_file import Stream
from compression_ops.errors import CompressionError, DataError

_IMAGES = np.random.default_rng(0).integers(0, 256, (7, 3, 5, 4), np.uint8)
_PCM = np.arange(-3, 4, dtype=np.int16)
_LABELS = np.arange(7)


def _write(path: Path, step: int = 3) -> None:
    images = (_IMAGES[start : start + step] for start in range(0, 7, step))
    streams = {"images": Stream("uint8", _IMAGES.shape, images), "labels": Stream("int64", (7,), [_LABELS])}
    tensor_file.write(path, streams)


@pytest.mark.parametrize("step", [1, 3, 7, 100])
def test_the_bytes_are_those_that_safetensors_writes_whatever_the_blocks(tmp_path: Path, step: int) -> None:
    """So the digests of stored data sets depend neither on the blocks nor on the library's version."""
    _write(tmp_path / "ours.safetensors", step)
    save_file({"images": _IMAGES, "labels": _LABELS}, tmp_path / "theirs.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_big_endian_and_strided_blocks_are_written_by_their_values(tmp_path: Path) -> None:
    """As the little-endian format asks."""
    blocks = [_LABELS.astype(">i8")[::-1]]
    tensor_file.write(tmp_path / "a.safetensors", {"labels": Stream(">i8", (7,), blocks)})
    np.testing.assert_array_equal(load_file(tmp_path / "a.safetensors")["labels"], _LABELS[::-1])


def test_what_safetensors_wrote_is_read_and_stays_as_it_was(tmp_path: Path) -> None:
    """Writing to what was read changes the copy alone; the file may be removed meanwhile."""
    path = tmp_path / "a.safetensors"
    tensors = {"images": _IMAGES, "labels": _LABELS, "none": np.empty((0, 3), np.float16), "pcm": _PCM}
    save_file(tensors, path, metadata={"made": "today"})
    before = path.read_bytes()
    found = tensor_file.read(path)
    assert found.keys() == tensors.keys()
    for name, expected in tensors.items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype
    found["images"][:] = 0
    assert path.read_bytes() == before
    path.unlink()
    np.testing.assert_array_equal(found["labels"], _LABELS)


def _changed(content: bytes, **fields: object) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["images"] |= fields
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:4],
        lambda content: content[:40],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: (2**63).to_bytes(8, "little") + content[8:],
        lambda content: content[:8] + b"[" + content[9:],
        lambda content: _changed(content, shape=[7, 3, 5, 5]),
        lambda content: _changed(content, shape=[-7, 3, 5, -4]),
        lambda content: _changed(content, dtype="U9"),
        lambda content: _changed(content, data_offsets=[-420, 0]),
        lambda content: _changed(content, data_offsets=None),
    ],
)
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Before a byte of it is used."""
    path = tmp_path / "a.safetensors"
    _write(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"a\.safetensors: not a whole safetensors file.*again"):
        tensor_file.read(path)


def test_a_missing_file_is_an_error_in_words(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(DataError, match=r"a\.safetensors: cannot be read \(No such file"):
        tensor_file.read(tmp_path / "a.safetensors")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_full_disk_is_told_in_words() -> None:
    """How much was to be written, how much is free, what to do."""
    with pytest.raises(CompressionError, match=r"No space left on device.*MB are .*free.*COMPRESSION_HOME"):
        _write(Path("/dev/full"))


def test_rows_too_few_for_the_shape_are_never_stored_silently(tmp_path: Path) -> None:
    """A file that says another shape than it holds would be refused when it is read, far from the cause."""
    with pytest.raises(ValueError, match="bytes were given for a tensor of"):
        tensor_file.write(tmp_path / "a", {"images": Stream("uint8", _IMAGES.shape, [_IMAGES[:6]])})


def test_other_errors_of_the_disk_stay_what_they_are(tmp_path: Path) -> None:
    """They may pass by themselves."""
    with pytest.raises(OSError) as raised:  # noqa: PT011
        _write(tmp_path)
    assert raised.value.errno == errno.EISDIR
