"""What a served model of texts refuses, asked without a server."""

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from compression_ops.data.dataset import Description
from compression_ops.data.modalities.images import Images
from compression_ops.data.modalities.modality import Modality
from compression_ops.data.modalities.table import Table
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.onnx_model import metadata, raw_samples
from pipelines.lineage.compression_samples import Samples
from tests.compression_ops import linear_models


class _Onnx:
    """As MLflow's onnx flavor answers."""

    def __init__(self, modality: Modality, shape: tuple[int, ...]) -> None:
        channels = () if isinstance(modality, Tokens) else (0.5,) * shape[0]
        said = Description(("a", "b"), shape, channels, channels, modality)
        inputs = said.input_shape
        proto = raw_samples.normalizing(linear_models.linear(np.ones((int(np.prod(inputs)), 2)), inputs), said)
        metadata.describe(proto, said)
        self._session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])

    def get_raw_model(self) -> onnxruntime.InferenceSession:
        return self._session

    def predict(self, data: dict[str, Any]) -> Any:
        return self._session.run(None, data)[0]


def test_ids_that_the_model_does_not_have_are_refused_and_all_others_answered() -> None:
    model = Samples(_Onnx(Tokens("hashed", 9), (2,)))
    for asked in ([[0, 8], [3, 1]], np.array([[0, 8], [3, 1]]), np.array([[0, 8], [3, 1]], np.uint8)):
        np.testing.assert_array_equal(model.predict(asked), [[8, 8], [4, 4]])
    for wrong, found in (([[0, 9]], "0 to 9"), (np.array([[-1, 3]], np.int64), "-1 to 3"), ([[0, 2**40]], "0 to 1099")):
        with pytest.raises(MlflowException, match=rf"found values from {found}\d*; allowed are ids from 0 to 8"):
            model.predict(wrong)
    assert model.predict(np.zeros((0, 2), np.int64)).shape == (0, 2)


def test_pixels_have_the_range_of_their_type() -> None:
    model = Samples(_Onnx(Images(), (1, 1, 2)))
    assert model.predict([[[[0, 255]]]]).shape == (1, 2)
    with pytest.raises(MlflowException, match=r"found values from 0 to 256$"):
        model.predict([[[[0, 256]]]])


_ROWS = Table(("age", "plan"), (None, ("basic", "pro")))


def test_rows_may_lack_numbers_and_come_as_a_data_frame() -> None:
    model = Samples(_Onnx(_ROWS, (2,)))
    expected = model.predict(np.array([[1, 2], [np.nan, 0]], np.float32))
    np.testing.assert_array_equal(model.predict([[1, 2], [None, None]]), expected)
    # As MLflow's server makes an array of JSON with a null.
    for asked in ([[1, 2], [None, 0]], np.array([[1, 2], [None, 0]])):
        np.testing.assert_array_equal(model.predict(asked), expected)
    frame = pd.DataFrame([{"plan": 2, "age": 1}, {"plan": 0, "age": None}])
    np.testing.assert_array_equal(model.predict(frame), expected)
    np.testing.assert_array_equal(model.predict(frame.astype(object)), expected)
    with pytest.raises(MlflowException, match="found a data frame of 'plan'; allowed is one of 'age', 'plan'"):
        model.predict(frame[["plan"]])
    with pytest.raises(MlflowException, match="found 'old', which is no number"):
        model.predict(np.array([["old", 1], [None, 0]], object))


@pytest.mark.parametrize("code", [3, 1.5, -1])
def test_codes_that_no_category_has_are_refused(code: float) -> None:
    with pytest.raises(MlflowException, match=rf"found {code} in column 'plan'; allowed are codes from 0, .*to 2"):
        Samples(_Onnx(_ROWS, (2,))).predict([[1, 2], [1, code]])
