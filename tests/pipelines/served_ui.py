"""`compression ui` on free ports, as a user starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY

_PATIENCE = 240.0  # seconds until something must have happened; the machine may be busy with other tests


class ServedUi:
    """Both servers on the home and recipes of an environment, with the code of a checkout.

    `dagster` and `mlflow` are their addresses; what the command says is written to `log` (stderr) and, with the suffix
    `.out`, beside it.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, checkout: Path = REPOSITORY) -> None:
        ports = free_ports(2)
        self.dagster, self.mlflow = (f"http://127.0.0.1:{port}" for port in ports)
        command = [sys.executable, "-m", "pipelines.cli.main", "ui"]
        command += ["--port", str(ports[0]), "--mlflow-port", str(ports[1])]
        self._log = log
        with log.open("wb") as errors, log.with_suffix(".out").open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=errors, cwd=checkout, start_new_session=True
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def words(self) -> str:
        """What the command has said of what happened since it was ready, and what the servers have."""
        return self._log.read_text()

    @property
    def results(self) -> str:
        """What stands on its stdout."""
        return self._log.with_suffix(".out").read_text()

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """A GraphQL request to Dagster."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.dagster}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def eventually(self, holds: Callable[[], bool], what: str) -> None:
        """Return as soon as a condition holds; fails if it does not within minutes, or if the command ends."""
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            assert self.process.poll() is None, f"compression ui ended:\n{self.words[-3000:]}"
            assert time.monotonic() < deadline, f"waited in vain for {what}:\n{self.words[-3000:]}"
            time.sleep(0.3)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the command as a terminal that closes does, or by another signal; it ends its servers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(timeout=60)

    def _wait_until_ready(self) -> None:
        self.eventually(lambda: _answers(f"{self.dagster}/server_info"), "Dagster to answer")
        self.eventually(lambda: _answers(f"{self.mlflow}/health"), "MLflow to answer")
        self.eventually(lambda: "MLflow" in self.results, "the addresses")


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody uses now."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
