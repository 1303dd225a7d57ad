"""A classification data set, and its artifact: three safetensors files and a JSON description.

The samples of a split that was loaded are mapped, not read: see compression_ops.data.storage.mapped.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.data.modalities import known
from compression_ops.data.modalities.modality import Modality
from compression_ops.data.storage import blocks, tensor_file
from compression_ops.data.storage.tensor_file import Stream
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SPLITS = ("train", "validation", "test")
_DESCRIPTION = "dataset.json"
_SAMPLES, _BEFORE = "samples", "images"  # as earlier versions called them


@dataclass(frozen=True)
class Split:
    """samples: raw, [N, ...], such as uint8 [N, C, H, W], not to be written; labels: int64 [N], in [0, classes)."""

    samples: "Tensor"
    labels: "Tensor"

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Description:
    """What a model must know of its data.

    classes     class names, in the order of the labels
    shape       that of a raw sample: (channels, height, width) of an image
    mean, std   of the training split, by which samples are normalized: of images one a channel
    modality    what the samples are
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    modality: Modality = field(default_factory=known.unstated)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """That of the network's input for one sample."""
        return self.modality.input_shape(self.shape)


def save_split(folder: Path, name: str, split: Split) -> None:
    """Write one split as `<name>.safetensors` with the tensors `samples` and `labels`."""
    samples = split.samples.numpy()
    write_split(folder, name, samples.dtype.name, samples.shape, blocks.of(samples), split.labels.numpy())


def write_split(
    folder: Path,
    name: str,
    dtype: str,
    shape: tuple[int, ...],
    samples: "Iterable[NDArray[Any]]",
    labels: "NDArray[np.int64]",
) -> None:
    """As `save_split`, of samples of that type and shape, [N, ...], that come block after block, [n, ...].

    Raises CompressionError where the disk is full.
    """
    tensors = {_SAMPLES: Stream(dtype, shape, samples), "labels": Stream("int64", labels.shape, [labels])}
    tensor_file.write(_file(folder, name), tensors)


def load_split(folder: Path, name: str) -> Split:
    """Open one split (`train`, `validation` or `test`) of an artifact. Only report and champion read `test`.

    Raises DataError if the file cannot be read, is cut short, or holds anything else.
    """
    import torch

    samples, labels = load_arrays(folder, name)
    return Split(torch.from_numpy(samples), torch.from_numpy(labels))


def load_arrays(folder: Path, name: str) -> "tuple[NDArray[Any], NDArray[np.int64]]":
    """As `load_split`, without torch: samples and labels."""
    import numpy as np

    path = _file(folder, name)
    tensors = tensor_file.read(path)
    samples, labels = tensors.get(_SAMPLES, tensors.get(_BEFORE)), tensors.get("labels")
    if samples is None or labels is None or samples.ndim < 2 or labels.shape != samples.shape[:1]:
        found = {key: list(value.shape) for key, value in tensors.items()}
        raise DataError(f"{path}: holds {found}; a split is samples [N, ...] and labels [N]. Compute it again.")
    return samples, labels.astype(np.int64)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def save_description(folder: Path, description: Description) -> None:
    """Write `dataset.json`."""
    fields = {
        "classes": list(description.classes),
        "shape": list(description.shape),
        "mean": list(description.mean),
        "std": list(description.std),
        "modality": description.modality.fields(),
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
        modality=known.of_fields(fields["modality"]) if "modality" in fields else known.unstated(),
    )


def normalize(samples: "Tensor", description: Description) -> "Tensor":
    """Raw samples [N, ...], of their type or float32 -> the input of a model: float32 [N, C, H, W] of images."""
    return description.modality.normalize(samples, description)
