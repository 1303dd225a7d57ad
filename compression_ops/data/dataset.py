"""An image classification data set, and its artifact: three safetensors files and a JSON description.

The images of a split that was loaded are mapped, not read: see compression_ops.data.storage.mapped.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.storage import blocks, tensor_file
from compression_ops.data.storage.tensor_file import Stream
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SPLITS = ("train", "validation", "test")
_DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class Split:
    """images: uint8 [N, C, H, W], not to be written; labels: int64 [N], each in [0, classes)."""

    images: "Tensor"
    labels: "Tensor"

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Description:
    """What a model must know of its data.

    classes     class names, in the order of the labels
    shape       (channels, height, width)
    mean, std   per channel, of the training split's pixels scaled to [0, 1]; a model's input is
                (pixel / 255 - mean) / std
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def save_split(folder: Path, name: str, split: Split) -> None:
    """Write one split as `<name>.safetensors` with the tensors `images` and `labels`."""
    images = split.images.numpy()
    write_split(folder, name, images.shape, blocks.of(images), split.labels.numpy())


def write_split(
    folder: Path,
    name: str,
    shape: tuple[int, ...],
    images: "Iterable[NDArray[np.uint8]]",
    labels: "NDArray[np.int64]",
) -> None:
    """As `save_split`, of images of that shape that come block after block, uint8 [n, C, H, W].

    Raises CompressionError where the disk is full.
    """
    tensors = {"images": Stream("uint8", shape, images), "labels": Stream("int64", labels.shape, [labels])}
    tensor_file.write(_file(folder, name), tensors)


def load_split(folder: Path, name: str) -> Split:
    """Open one split (`train`, `validation` or `test`) of an artifact. Only report and champion read `test`.

    Raises DataError if the file cannot be read, is cut short, or holds anything else.
    """
    import torch

    images, labels = load_arrays(folder, name)
    return Split(torch.from_numpy(images), torch.from_numpy(labels))


def load_arrays(folder: Path, name: str) -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
    """As `load_split`, without torch: images and labels."""
    import numpy as np

    path = _file(folder, name)
    tensors = tensor_file.read(path)
    images, labels = tensors.get("images"), tensors.get("labels")
    if images is None or labels is None or images.ndim != 4 or labels.shape != images.shape[:1]:
        found = {key: list(value.shape) for key, value in tensors.items()}
        raise DataError(f"{path}: holds {found}; a split is images [N, C, H, W] and labels [N]. Compute it again.")
    return images, labels.astype(np.int64)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def save_description(folder: Path, description: Description) -> None:
    """Write `dataset.json`."""
    fields = {
        "classes": list(description.classes),
        "shape": list(description.shape),
        "mean": list(description.mean),
        "std": list(description.std),
    }
    (folder / _DESCRIPTION).write_text(json.dumps(fields, indent=1) + "\n")


def load_description(folder: Path) -> Description:
    """Read `dataset.json`."""
    fields = json.loads((folder / _DESCRIPTION).read_text())
    return Description(
        classes=tuple(fields["classes"]),
        shape=tuple(fields["shape"]),
        mean=tuple(fields["mean"]),
        std=tuple(fields["std"]),
    )


def normalize(images: "Tensor", description: Description) -> "Tensor":
    """uint8 or float [N, C, H, W] with values in [0, 255] -> the float32 input of a model."""
    import torch

    mean = torch.tensor(description.mean, dtype=torch.float32, device=images.device).view(1, -1, 1, 1)
    std = torch.tensor(description.std, dtype=torch.float32, device=images.device).view(1, -1, 1, 1)
    return (images.to(torch.float32) / 255 - mean) / std
