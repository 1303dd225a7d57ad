"""What MLflow serves as a recipe's champion answers as the artifact does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from compression_ops.data.dataset import load_description, load_split, normalize
from pipelines.state import home as homes
from pipelines.state.materialization import Materialization
from tests.pipelines import product

_PATIENCE = 180  # seconds


@pytest.fixture
def address(recipe: Path, tmp_path: Path) -> Iterator[str]:
    """`mlflow models serve` of the champion, a real process on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/tiny@champion"]
    command += ["--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": homes.current().tracking_uri,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, f"{found}/ping", tmp_path / "log")
        yield found
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


def test_the_served_champion_answers_a_request_with_the_artifacts_logits(address: str) -> None:
    pipeline = product.pipeline()
    dataset, model = (pipeline.store.fetch(_entry(name).artifact) for name in ("dataset", "quantized_student/int8"))
    images = normalize(load_split(dataset, "test").images[:5], load_description(dataset)).numpy()
    body = json.dumps({"inputs": images.tolist()}).encode()
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        predictions = json.load(answer)["predictions"]
    session = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: images})
    answered = predictions[session.get_outputs()[0].name] if isinstance(predictions, dict) else predictions
    assert np.shape(answered) == (5, 10)
    np.testing.assert_allclose(np.array(answered, np.float32), logits, atol=1e-5)


def _entry(name: str) -> Materialization:
    entry = product.pipeline().history.latest("tiny", name)
    assert entry is not None
    return entry


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise AssertionError(f"MLflow did not answer: {log.read_text()[-3000:]}")
