"""A tracking server at another address records what the local database does."""

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

import pytest

from pipelines.lineage import connection
from pipelines.state import home as homes
from tests.pipelines import product

pytestmark = pytest.mark.slow

_PATIENCE = 180  # seconds


@pytest.fixture
def address(tmp_path: Path, bare_home: Path) -> Iterator[str]:
    """`mlflow server` on a free port of this machine, with nothing recorded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--serve-artifacts"]
    command += ["--artifacts-destination", str(tmp_path / "served")]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=dict(os.environ), cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", tmp_path / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def test_a_run_at_a_server_has_its_tags_its_ancestry_and_its_champion(
    address: str, defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert len(product.computed()) == 9
    client = connection.client(homes.current())
    history = product.pipeline().history
    student, labels = (history.latest("tiny", name) for name in ("student/small", "soft_labels"))
    assert student is not None
    assert labels is not None
    tags = client.get_run(student.run_id).data.tags
    assert len([tag for tag in tags if not tag.startswith("mlflow.")]) <= 12
    link = f"- [soft_labels](#/experiments/{labels.experiment_id}/runs/{labels.run_id}?workflowType=machine_learning)"
    assert tags["mlflow.note.content"].startswith(link)
    version = client.get_model_version_by_alias("tiny", "champion")
    assert version.description is not None
    assert link.removeprefix("- ") in version.description


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
