"""Stored soft labels: the teacher's logits for every view of the train split, one file a view.

Logits, not probabilities: the temperature and the loss stay free afterwards. Row i belongs to sample i of the split.
"""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from compression_ops.data.views import Views
from compression_ops.errors import DataError

_VIEWS = "views.json"


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
