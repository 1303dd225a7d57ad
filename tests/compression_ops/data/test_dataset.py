"""The artifact of a data set."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from compression_ops.data.dataset import (
    Description,
    Split,
    load_description,
    load_split,
    normalize,
    save_description,
    save_split,
)
from compression_ops.errors import DataError

_DESCRIPTION = Description(("cat", "Žába/蛙"), (3, 4, 5), (0.1, 1 / 3, 0.7), (0.2, 0.25, 1.0))


def _split() -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 4, 5), generator=generator).to(torch.uint8)
    return Split(images, torch.arange(6))


def test_a_split_is_read_as_it_was_written(tmp_path: Path) -> None:
    split = _split()
    save_split(tmp_path, "train", split)
    read = load_split(tmp_path, "train")
    assert torch.equal(read.samples, split.samples)
    assert torch.equal(read.labels, split.labels)
    assert (read.samples.dtype, read.labels.dtype, len(read)) == (torch.uint8, torch.int64, 6)


def test_a_split_is_plain_safetensors_that_others_can_read(tmp_path: Path) -> None:
    split = _split()
    save_split(tmp_path, "test", split)
    tensors = load_file(tmp_path / "test.safetensors")
    assert sorted(tensors) == ["labels", "samples"]
    np.testing.assert_array_equal(tensors["samples"], split.samples.numpy())


def test_a_view_of_a_larger_tensor_is_written_as_itself_alone(tmp_path: Path) -> None:
    images = _split().samples
    save_split(tmp_path, "train", Split(images.transpose(2, 3)[1:3], torch.arange(6)[1:3]))
    assert torch.equal(load_split(tmp_path, "train").samples, images.transpose(2, 3)[1:3])
    assert (tmp_path / "train.safetensors").stat().st_size < 2 * 60 + 16 + 400


def test_equal_splits_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("train", "validation"):
        save_split(tmp_path, name, _split())
    assert (tmp_path / "train.safetensors").read_bytes() == (tmp_path / "validation.safetensors").read_bytes()


def test_a_description_is_read_as_it_was_written_to_the_last_bit(tmp_path: Path) -> None:
    save_description(tmp_path, _DESCRIPTION)
    assert load_description(tmp_path) == _DESCRIPTION
    assert json.loads((tmp_path / "dataset.json").read_text())["classes"] == ["cat", "Žába/蛙"]


def test_normalized_training_pixels_have_mean_zero_and_deviation_one() -> None:
    images = _split().samples
    pixels = images.double() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3), correction=0)
    description = Description(("a", "b"), (3, 4, 5), tuple(mean.tolist()), tuple(std.tolist()))
    inputs = normalize(images, description)
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-6, rtol=0)


def test_integer_and_float_pixels_of_equal_value_normalize_equally() -> None:
    images = _split().samples
    assert torch.equal(normalize(images, _DESCRIPTION), normalize(images.float(), _DESCRIPTION))


def test_normalizing_follows_its_formula_channel_by_channel() -> None:
    images = _split().samples
    expected = (images.numpy() / 255 - np.reshape(_DESCRIPTION.mean, (3, 1, 1))) / np.reshape(
        _DESCRIPTION.std, (3, 1, 1)
    )
    np.testing.assert_allclose(normalize(images, _DESCRIPTION).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_file_that_holds_no_split_is_refused_in_words(tmp_path: Path) -> None:
    """By what it holds."""
    save_file({"images": np.zeros((2, 1, 4, 4), np.uint8), "labels": np.zeros(3, np.int64)}, tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"holds .*'labels': \[3\].*Compute it again"):
        load_split(tmp_path, "a")
