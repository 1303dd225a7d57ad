"""The class of image files, told by an ONNX file that says for which data it was made (see onnx_metadata).

An image is read as the data source `image_folder` reads it (see compression_ops.data.image_file) and nothing more: in
particular its colours are never inverted. A model of MNIST, whose digits are light on a dark ground, does not know a
digit drawn in black on white paper; invert such a picture first.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from compression_ops.data.dataset import Description
from compression_ops.data.file_names import shown
from compression_ops.data.formats.image_file import Picture, decode
from compression_ops.data.modalities.images import Images
from compression_ops.errors import DataError, ModelError
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.onnx_model import session as onnx_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Images in memory at a time.
_BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """What a model says of one file.

    label          the most probable class, the first of equals
    probability    its own, in [0, 1]
    probabilities  by class name in the order of the model's outputs, of sum 1
    fault          why the file's metadata cannot be read, so that its picture may not be upright; None if they can
    """

    image: Path
    label: str
    probability: float
    probabilities: dict[str, float]
    fault: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be classified, and why, in a sentence that names it."""

    image: Path
    cause: str


def predict(model: Path, images: Sequence[Path]) -> tuple[list[Prediction], list[Unreadable]]:
    """Classify each image file with the ONNX file `model`: what it says of the good ones, and what is wrong with the
    others, each in the order given.

    An image becomes one of the model's channels (RGB or grey), height and width: its largest centred square, resized.
    Raises ModelError if the model cannot be run, does not say for which data it was made, does not take what it says,
    or takes something other than square images of 1 or 3 channels.
    """
    session = onnx_session.open_session(model)
    description = metadata.read(session, str(model)).description
    channels, side = _readable(model, session, description)
    predictions: list[Prediction] = []
    unreadable: list[Unreadable] = []
    for batch in (images[start : start + _BATCH] for start in range(0, len(images), _BATCH)):
        read: dict[int, Picture] = {}
        for position, file in enumerate(batch):
            try:
                read[position] = _read(file, side, channels)
            except DataError as error:
                unreadable.append(Unreadable(file, str(error)))
        if read:
            logits = onnx_session.predict(
                session,
                raw_samples.inputs(session, np.stack([picture.pixels for picture in read.values()]), description),
                _BATCH,
            )
            probabilities = _softmax(_checked(model, logits, description))
            predictions += [
                _told(batch[i], row, description, read[i].fault) for i, row in zip(read, probabilities, strict=True)
            ]
    return predictions, unreadable


def _readable(model: Path, session: "InferenceSession", description: Description) -> tuple[Literal[1, 3], int]:
    """Channels and side of the images that the model takes."""
    if not isinstance(description.modality, Images):
        raise ModelError(
            f"{model}: takes {description.modality.noun}, and image files hold none. Run this model in onnxruntime on "
            "arrays of your own"
        )
    channels, height, width = description.shape
    expected = session.get_inputs()[0].shape[1:]
    if expected != [channels, height, width]:
        raise ModelError(
            f"{model}: takes inputs of shape {expected}, but its metadata say {[channels, height, width]}. Describe it "
            "again with the data that it was trained on"
        )
    if height != width or channels not in (1, 3):
        raise ModelError(
            f"{model}: takes images of {channels} channel(s), {height} x {width} pixels; image files can be read for "
            "square images of 1 or 3 channels alone. Run this model in onnxruntime on arrays of your own"
        )
    return 1 if channels == 1 else 3, height


def _read(file: Path, side: int, channels: Literal[1, 3]) -> Picture:
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # what of it matters is told in our words
        read = decode(file, side, channels)
    if read is None:
        raise DataError(f"{shown(file)}: no image; allowed is a file that Pillow opens, such as PNG or JPEG")
    return read


def _checked(model: Path, logits: NDArray[np.float32], description: Description) -> NDArray[np.float32]:
    classes = len(description.classes)
    if logits.ndim != 2 or logits.shape[1] != classes or not np.isfinite(logits).all():
        found = f"an array of shape {logits.shape}" if np.isfinite(logits).all() else "logits that are not finite"
        raise ModelError(
            f"{model}: returned {found} for {len(logits)} image(s); allowed is one finite logit for each of the "
            f"{classes} classes that its metadata name. See how it was trained, exported and described"
        )
    return logits


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 [N, classes], rows of sum 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _told(file: Path, probabilities: NDArray[np.float64], description: Description, fault: str | None) -> Prediction:
    values = [float(value) for value in probabilities]
    best = int(probabilities.argmax())
    return Prediction(
        file, description.classes[best], values[best], dict(zip(description.classes, values, strict=True)), fault
    )
