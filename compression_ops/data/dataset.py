"""An image classification data set in memory, and its artifact: three safetensors files and a JSON description."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = ("train", "validation", "test")
_DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class Split:
    """images: uint8 [N, C, H, W]; labels: int64 [N], each in [0, classes)."""

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
    from safetensors.torch import save_file

    save_file(
        {"images": split.images.contiguous(), "labels": split.labels.contiguous()}, folder / f"{name}.safetensors"
    )


def load_split(folder: Path, name: str) -> Split:
    """Read one split (`train`, `validation` or `test`) of an artifact. Only report and champion read `test`."""
    from safetensors.torch import load_file

    tensors = load_file(folder / f"{name}.safetensors")
    return Split(images=tensors["images"], labels=tensors["labels"])


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
