"""An MLflow flavor: an ONNX model of uint8 images that refuses, in words, whatever is no image of pixels.

It is MLflow's onnx flavor, but for who answers `mlflow models serve` and `mlflow.pyfunc`: this file, which is stored
beside the model and so imports nothing of this project. A signature of the inputs cannot do it: MLflow's server casts
JSON to the signature's dtype, and the 0.5 of an image that somebody scaled to 0..1 would silently become the pixel 0.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlflow.models import Model


def save_model(path: str, mlflow_model: "Model | None" = None, **arguments: Any) -> None:
    """As `mlflow.onnx.save_model`, with this file beside the model."""
    from mlflow import onnx, pyfunc
    from mlflow.models import Model

    described = Model() if mlflow_model is None else mlflow_model
    onnx.save_model(path=path, mlflow_model=described, code_paths=[__file__], **arguments)
    described.flavors[pyfunc.FLAVOR_NAME][pyfunc.MAIN] = Path(__file__).stem
    described.save(str(Path(path) / "MLmodel"))


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> "Pixels":  # pyright: ignore[reportUnusedFunction]
    """What `mlflow.pyfunc.load_model` asks of a flavor; `path` is that of the ONNX file."""
    from mlflow import onnx

    return Pixels(onnx._load_pyfunc(path))  # pyright: ignore[reportPrivateUsage]


class Pixels:
    """The onnx flavor's model, asked with pixels alone."""

    def __init__(self, model: Any) -> None:
        self._model = model
        (taken,) = model.get_raw_model().get_inputs()
        self._name: str = taken.name
        self._shape: list[int] = taken.shape[1:]

    def get_raw_model(self) -> Any:
        """The onnxruntime session."""
        return self._model.get_raw_model()

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """{`logits`: float32 [N, classes]} of integers from 0 to 255 [N, C, H, W]: an array, a list, or either by the
        input's name. Raises MlflowException for anything else.
        """
        if isinstance(data, dict):
            if list(data) != [self._name]:
                raise self._refusal(f"found inputs named {', '.join(map(repr, data)) or 'nothing'}")
            data = data[self._name]
        return self._model.predict({self._name: self._pixels(data)})

    def _pixels(self, data: Any) -> NDArray[np.uint8]:
        if not isinstance(data, np.ndarray | list):
            raise self._refusal(f"found a {type(data).__name__}")
        try:
            images = np.asarray(data)
        except ValueError as error:
            raise self._refusal("found lists of unequal lengths") from error
        if images.ndim != 4 or list(images.shape[1:]) != self._shape:
            raise self._refusal(f"found shape {list(images.shape)}")
        if images.dtype == np.uint8 or len(images) == 0:
            return images.astype(np.uint8, copy=False)
        if not np.issubdtype(images.dtype, np.integer):
            raise self._refusal(f"found {images.dtype}. The model normalizes by itself: give the pixels as they are")
        low, high = images.min(), images.max()
        if low < 0 or high > 255:
            raise self._refusal(f"found values from {low} to {high}")
        return images.astype(np.uint8)

    def _refusal(self, found: str) -> Exception:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

        wanted = f"[N, {', '.join(map(str, self._shape))}]"
        return MlflowException(
            f"the model takes {self._name!r}: pixels, integers from 0 to 255 (uint8), of shape {wanted} (images, "
            f"channels, height, width); {found}",
            error_code=INVALID_PARAMETER_VALUE,
        )
