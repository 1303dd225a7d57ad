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
    server = Server(arguments, health, folder, environment)
    server.start()
    try:
        yield server.address
    finally:
        server.end()


class Server:
    """`mlflow` with some arguments on a free port, which it keeps while it is down."""

    def __init__(self, arguments: Sequence[str], health: str, folder: Path, environment: Mapping[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", port]
        self._health, self._folder, self._environment = health, folder, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        log = self._folder / "log"
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            _wait(self._process, self.address + self._health, log)
        except BaseException:
            self.end()
            raise

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, or kill it, with all of its children."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(timeout=60)


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
