"""A session predicts in batches as it would at once, and says in words what it cannot open."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from compression_ops.errors import ModelError
from compression_ops.onnx_model import session as onnx_session
from tests.compression_ops import random_networks


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_the_batch_size_does_not_change_the_logits(batch_size: int) -> None:
    session = onnx_session.open_session(random_networks.exported().SerializeToString())
    inputs = random_networks.images(7)
    expected = np.concatenate([session.run(None, {"input": inputs[i : i + 1]})[0] for i in range(7)])
    found = onnx_session.predict(session, inputs, batch_size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_no_samples_give_no_rows() -> None:
    session = onnx_session.open_session(random_networks.exported().SerializeToString())
    assert onnx_session.predict(session, random_networks.images(0)).shape == (0, random_networks.CLASSES)


def test_a_file_opens_like_its_bytes_and_the_optimized_graph_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(random_networks.exported(), path)
    optimized = tmp_path / "optimized.onnx"
    inputs = random_networks.images(2)
    expected = onnx_session.predict(onnx_session.open_session(path.read_bytes()), inputs)
    np.testing.assert_array_equal(onnx_session.predict(onnx_session.open_session(path, 2, optimized), inputs), expected)
    assert len(onnx.load(optimized).graph.node) < len(onnx.load(path).graph.node)


def test_what_is_no_model_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run by onnxruntime"):
        onnx_session.open_session(path)
    with pytest.raises(ModelError, match="of 8 bytes cannot be run"):
        onnx_session.open_session(b"no model")
