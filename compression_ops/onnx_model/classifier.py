"""A model file that onnxruntime opens, as a function of pixels: what a call costs is onnxruntime's alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compression_ops.onnx_model.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def opened(model: Path, threads: int = 1) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    """uint8 [N, C, H, W] -> logits, float32 [N, classes]. Raises ModelError if onnxruntime cannot run the file."""
    return of_session(open_session(model, threads))


def of_session(session: "InferenceSession") -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    """As `opened`, of a session of one input and output."""
    name = session.get_inputs()[0].name

    def classify(images: NDArray[np.uint8]) -> NDArray[Any]:
        return np.asarray(session.run(None, {name: images})[0])

    return classify
