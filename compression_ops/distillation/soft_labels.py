"""Stored soft labels: the teacher's logits for every view of the train split, one file a view.

Logits, not probabilities: the temperature and the loss stay free afterwards. Row i belongs to sample i of the split.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from compression_ops.data.augmentation import augment
from compression_ops.data.dataset import Description
from compression_ops.data.views import Views
from compression_ops.errors import DataError, ModelError
from compression_ops.models.inference import BATCH_SIZE, logits

_VIEWS = "views.json"


def label_views(
    teacher: nn.Module, images: Tensor, description: Description, views: Views, batch_size: int = BATCH_SIZE
) -> Iterator[Tensor]:
    """The teacher's logits for each view in turn: float16 [N, classes]. One batch of pixels is in memory at a time.

    Raises ModelError if a logit is not finite in float16.
    """
    for view in range(views.views):
        transformations = views.transformations(len(images), view)
        parts: list[Tensor] = []
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            pixels = augment(images[rows], None if transformations is None else transformations[rows])
            parts.append(logits(teacher, pixels, description, batch_size).to(torch.float16))
        labels = torch.cat(parts)
        if not torch.isfinite(labels).all():
            raise ModelError(
                f"the teacher gives logits for view {view} that float16 cannot hold (beyond ±65504, or not finite). "
                "Train the teacher with a lower learning_rate or more weight_decay."
            )
        yield labels


def save_views(folder: Path, views: Views) -> None:
    """Write `views.json`: how to make the views that the logits belong to."""
    (folder / _VIEWS).write_text(json.dumps(views.model_dump(mode="json"), indent=1) + "\n")


def load_views(folder: Path) -> Views:
    """Read `views.json`."""
    return Views.model_validate_json((folder / _VIEWS).read_text())


def save_logits(folder: Path, view: int, labels: Tensor) -> None:
    """Write one view's float16 [N, classes] as `view_<number>.safetensors`."""
    save_file({"logits": labels.contiguous()}, _file(folder, view))


def load_logits(folder: Path, view: int, samples: int, classes: int) -> Tensor:
    """Read one view's float16 [samples, classes]. Raises DataError if the file holds another shape."""
    labels = load_file(_file(folder, view))["logits"]
    if labels.shape != (samples, classes):
        raise DataError(
            f"{_file(folder, view).name} holds logits of shape {tuple(labels.shape)}; the data set needs "
            f"{(samples, classes)}. Compute the soft labels again from this data set."
        )
    return labels


def _file(folder: Path, view: int) -> Path:
    return folder / f"view_{view:04d}.safetensors"
