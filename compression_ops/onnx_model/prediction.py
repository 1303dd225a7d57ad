"""The class of what files hold, told by an ONNX file that says for which data it was made (see onnx_metadata).

What a file holds is read as the model's modality says (see compression_ops.data.modalities); an image as the data
source `image_folder` reads it (see compression_ops.data.formats.image_file) and nothing more: in particular its colours
are never inverted. A model of MNIST, whose digits are light on a dark ground, does not know a digit drawn in black on
white paper; invert such a picture first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compression_ops.data.dataset import Description
from compression_ops.data.modalities.modality import Read
from compression_ops.data.storage import piped
from compression_ops.errors import DataError, MemoryLimitError, ModelError
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.onnx_model import session as onnx_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Files whose samples are in memory at a time.
_BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sample.

    sample         its file, or its place in a file that holds several
    label          the most probable class, the first of equals
    probability    its own, in [0, 1]
    probabilities  by class name in the order of the model's outputs, of sum 1
    fault          why the sample may not be what the file means, in words; None if nothing is odd
    """

    sample: str
    label: str
    probability: float
    probabilities: dict[str, float]
    fault: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be classified, and why, in a sentence that names it."""

    file: Path
    cause: str


@dataclass(frozen=True)
class Answers:
    """one: what a sample is called; what the model says of the readable files, and what is wrong with the others, each
    in the order given.
    """

    one: str
    predictions: list[Prediction]
    unreadable: list[Unreadable]


def predict(model: Path, files: Sequence[Path]) -> Answers:
    """Classify what files hold with the ONNX file `model`; `-` is standard input.

    An image becomes one of the model's channels (RGB or grey), height and width: its largest centred square, resized.
    Raises ModelError if the model cannot be run, does not say for which data it was made, does not take what it says,
    or takes images that are not square or of other than 1 or 3 channels.
    """
    session = onnx_session.open_session(model)
    description = metadata.read(session, str(model)).description
    reader = _reader(model, session, description)
    answers = Answers(description.modality.one, [], [])
    for batch in (files[start : start + _BATCH] for start in range(0, len(files), _BATCH)):
        read: list[Read] = []
        for file in batch:
            try:
                _require_file(file)
                read += piped.read(file, reader) if piped.is_piped(file) else reader(file)
            except (DataError, MemoryLimitError) as error:
                answers.unreadable.append(Unreadable(file, str(error)))
        if read:
            samples = raw_samples.inputs(session, np.stack([sample.value for sample in read]), description)
            logits = _checked(model, onnx_session.predict(session, samples, _BATCH), description)
            told = zip(read, _softmax(logits), strict=True)
            answers.predictions.extend(_told(sample, row, description) for sample, row in told)
    return answers


def _require_file(file: Path) -> None:
    if file.is_dir():
        raise DataError(f"{file}: a folder. Name the files in it, as `{file / '*'}` does in a shell")


def _reader(model: Path, session: "InferenceSession", description: Description) -> Callable[[Path], Sequence[Read]]:
    """What makes samples of a file."""
    expected, shape = session.get_inputs()[0].shape[1:], description.shape
    shape = shape if raw_samples.takes_raw(session, description) else description.input_shape
    if expected != list(shape):
        raise ModelError(
            f"{model}: takes inputs of shape {expected}, but its metadata say {list(shape)}. Describe it again "
            "with the data that it was trained on"
        )
    modality = description.modality
    if reason := modality.unreadable(description.shape):
        raise ModelError(f"{model}: {reason}")
    return lambda file: modality.read(file, description)


def _checked(model: Path, logits: NDArray[np.float32], description: Description) -> NDArray[np.float32]:
    classes = len(description.classes)
    if logits.ndim != 2 or logits.shape[1] != classes or not np.isfinite(logits).all():
        found = f"an array of shape {logits.shape}" if np.isfinite(logits).all() else "logits that are not finite"
        raise ModelError(
            f"{model}: returned {found} for {len(logits)} sample(s); allowed is one finite logit for each of the "
            f"{classes} classes that its metadata name. See how it was trained, exported and described"
        )
    return logits


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 [N, classes], rows of sum 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _told(sample: Read, probabilities: NDArray[np.float64], description: Description) -> Prediction:
    values = [float(value) for value in probabilities]
    best = int(probabilities.argmax())
    by_class = dict(zip(description.classes, values, strict=True))
    return Prediction(sample.name, description.classes[best], values[best], by_class, sample.fault)
