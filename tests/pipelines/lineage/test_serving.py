"""What MLflow serves as a recipe's champion answers as the artifact does."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from compression_ops.data.dataset import load_split
from pipelines.state import home as homes
from tests.pipelines import mlflow_process, product


@pytest.fixture
def address(recipe: Path, tmp_path: Path) -> Iterator[str]:
    """`mlflow models serve` of the champion."""
    command = ["models", "serve", "-m", "models:/tiny@champion", "--env-manager", "local"]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": homes.current().tracking_uri,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with mlflow_process.served(command, "/ping", tmp_path, environment) as address:
        yield address


@pytest.mark.slow
def test_the_served_champion_takes_pixels_and_refuses_floats(address: str) -> None:
    pipeline = product.pipeline()
    dataset, model = (
        pipeline.store.fetch(product.entry(name).artifact) for name in ("dataset", "quantized_student/int8")
    )
    images = load_split(dataset, "test").samples[:5].numpy()
    predictions = asked(address, images.tolist())["predictions"]
    session = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: images})
    answered = predictions[session.get_outputs()[0].name] if isinstance(predictions, dict) else predictions
    assert np.shape(answered) == (5, 10)
    np.testing.assert_allclose(np.array(answered, np.float32), logits, atol=1e-5)

    for wrong in ((images / 255).tolist(), (images.astype(int) + 250).tolist(), images[:, :, :4].tolist()):
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(address, wrong)
        assert refused.value.code == 400
        assert "of shape [N, 1, 8, 8]: uint8 [N, C, H, W], pixels from 0 to 255" in refused.value.read().decode()


def asked(address: str, inputs: list[Any]) -> Any:
    body = json.dumps({"inputs": inputs}).encode()
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
