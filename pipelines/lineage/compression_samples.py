"""An MLflow flavor: an ONNX model of raw samples that refuses, in words, whatever is none.

It is MLflow's onnx flavor, but for who answers `mlflow models serve` and `mlflow.pyfunc`: this file, which is stored
beside the model and so imports nothing of this project. A signature of the inputs cannot do it: MLflow's server casts
JSON to the signature's dtype, and the 0.5 of an image that somebody scaled to 0..1 would silently become the pixel 0.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlflow.models import Model

# NumPy's names of the types that onnxruntime's sessions name otherwise.
_TYPES = {"float": "float32", "double": "float64"}


def save_model(path: str, mlflow_model: "Model | None" = None, **arguments: Any) -> None:
    """As `mlflow.onnx.save_model`, with this file beside the model."""
    from mlflow import onnx, pyfunc
    from mlflow.models import Model

    described = Model() if mlflow_model is None else mlflow_model
    onnx.save_model(path=path, mlflow_model=described, code_paths=[__file__], **arguments)
    described.flavors[pyfunc.FLAVOR_NAME][pyfunc.MAIN] = Path(__file__).stem
    described.save(str(Path(path) / "MLmodel"))


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> "Samples":  # pyright: ignore[reportUnusedFunction]
    """What `mlflow.pyfunc.load_model` asks of a flavor; `path` is that of the ONNX file."""
    from mlflow import onnx

    return Samples(onnx._load_pyfunc(path))  # pyright: ignore[reportPrivateUsage]


class Samples:
    """The onnx flavor's model, asked with raw samples alone."""

    def __init__(self, model: Any) -> None:
        self._model = model
        session = model.get_raw_model()
        (taken,) = session.get_inputs()
        self._name: str = taken.name
        self._shape: list[int] = taken.shape[1:]
        kind = taken.type.removeprefix("tensor(").removesuffix(")")
        self._dtype = np.dtype(_TYPES.get(kind, kind))
        said: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self._words: str = said.get("compression.input", str(self._dtype))
        modality: dict[str, Any] = json.loads(said.get("compression.modality", "{}"))
        # How many ids a table of rows has: beyond them a model answers by the nearest.
        self._ids: int | None = modality.get("size")
        # Of rows: the columns' names, and of those of categories the names whose codes are 1, 2, …
        self._columns: list[str] = modality.get("columns", [])
        self._categories: list[list[str] | None] = modality.get("categories", [])

    def get_raw_model(self) -> Any:
        """The onnxruntime session."""
        return self._model.get_raw_model()

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """{`logits`: float32 [N, classes]} of raw samples [N, ...], such as integers from 0 to 255: an array, a list,
        or either by the input's name. Rows may lack numbers, NaN or None, and may be a data frame of their columns in
        any order. Raises MlflowException for anything else.
        """
        if isinstance(data, dict):
            if list(data) != [self._name]:
                raise self._refusal(f"found inputs named {', '.join(map(repr, data)) or 'nothing'}")
            data = data[self._name]
        return self._model.predict({self._name: self._samples(data)})

    def _samples(self, data: Any) -> NDArray[Any]:
        if not self._columns:
            return self._checked(data)
        rows = self._checked(self._rows(data))
        self._require_codes(rows)
        return rows

    def _rows(self, data: Any) -> Any:
        """Rows of a data frame in the model's order; with NaN for each None, as JSON says that there is no value."""
        names = getattr(data, "columns", None)
        if names is not None:
            if sorted(map(str, names)) != sorted(self._columns):
                found, wanted = (", ".join(map(repr, each)) for each in (names, self._columns))
                raise self._refusal(f"found a data frame of {found or 'no column'}; allowed is one of {wanted}")
            data = data[self._columns].to_numpy()
        if not isinstance(data, np.ndarray) or data.dtype.kind != "O":
            return data
        for cell in data.flat:
            if cell is not None and not isinstance(cell, int | float | np.number):
                raise self._refusal(f"found {cell!r}, which is no number")
        return data.tolist()

    def _require_codes(self, rows: NDArray[Any]) -> None:
        """Of a code that no category has the model would answer as of none."""
        for index, (name, names) in enumerate(zip(self._columns, self._categories, strict=True)):
            if not names:
                continue
            codes = rows[:, index][~np.isnan(rows[:, index])]
            wrong = codes[~np.isin(codes, np.arange(len(names) + 1))]
            if len(wrong):
                allowed = f"allowed are codes from 0, for none or another, to {len(names)}"
                raise self._refusal(f"found {wrong[0]:g} in column {name!r}; {allowed}")

    def _checked(self, data: Any) -> NDArray[Any]:
        if not isinstance(data, np.ndarray | list):
            raise self._refusal(f"found a {type(data).__name__}")
        is_real = np.issubdtype(self._dtype, np.floating)
        try:
            samples = np.asarray(data, self._dtype) if is_real and isinstance(data, list) else np.asarray(data)
        except (ValueError, TypeError) as error:
            raise self._refusal("found lists of unequal lengths, or what are no numbers") from error
        if list(samples.shape[1:]) != self._shape:
            raise self._refusal(f"found shape {list(samples.shape)}")
        if len(samples) == 0:
            return samples.astype(self._dtype)
        if samples.dtype == self._dtype and self._ids is None:
            return samples
        if not np.issubdtype(samples.dtype, np.number if is_real else np.integer):
            raise self._refusal(f"found {samples.dtype}. The model normalizes by itself: give the values as they are")
        if not is_real:
            low, high, kind = samples.min(), samples.max(), np.iinfo(str(self._dtype))
            least, most = (kind.min, kind.max) if self._ids is None else (0, self._ids - 1)
            if low < least or high > most:
                allowed = "" if self._ids is None else f"; allowed are ids from 0 to {most}"
                raise self._refusal(f"found values from {low} to {high}{allowed}")
        return samples.astype(self._dtype, copy=False)

    def _refusal(self, found: str) -> Exception:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

        wanted = f"[N, {', '.join(map(str, self._shape))}]"
        return MlflowException(
            f"the model takes {self._name!r}, of shape {wanted}: {self._words}; {found}",
            error_code=INVALID_PARAMETER_VALUE,
        )
