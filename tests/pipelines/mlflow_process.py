"""A process of MLflow's that serves on a free port of this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 180  # seconds


@contextmanager
def served(arguments: Sequence[str], health: str, folder: Path, environment: Mapping[str, str]) -> Generator[str]:
    """Run `mlflow` with these arguments and a port, until the block ends; gives its address once `health` answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address, log = f"http://127.0.0.1:{port}", folder / "log"
    command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", port]
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            _wait(process, address + health, log)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


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
