"""`compression ui` on free ports, as a user starts it, and Debian's Chromium to look at it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright

_PATIENCE = 240.0  # seconds until both servers must answer
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What a user chooses once in the pages' own settings: a graph from top to bottom with owners and checks on its nodes,
# and no assistant beside MLflow's pages.
_PREFERENCES = """
localStorage.setItem('asset-graph-direction', '"vertical"');
localStorage.setItem('asset-node-facets', '["unsynced-tag","checks","status","kind-tag","owner"]');
localStorage.setItem('large-screen-nav-open', 'false');
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


class ServedUi:
    """Both servers on the home and recipes of an environment; `dagster` and `mlflow` are their addresses."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        ports = _free_ports(2)
        self.dagster, self.mlflow = (f"http://127.0.0.1:{port}" for port in ports)
        command = [sys.executable, "-m", "pipelines.cli.main", "ui"]
        command += ["--port", str(ports[0]), "--mlflow-port", str(ports[1])]
        self._log = log
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                command, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the command as a terminal that closes does; it ends its servers."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=60)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"compression ui ended:\n{self._log.read_text()[-3000:]}"
            if _answers(f"{self.dagster}/server_info") and _answers(f"{self.mlflow}/health"):
                return
            time.sleep(0.3)
        raise AssertionError(f"compression ui was not ready in {_PATIENCE} s:\n{self._log.read_text()[-3000:]}")


def launch(playwright: Playwright) -> Browser:
    """Chromium without a window. Raises FileNotFoundError that says how to install it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError(
            "Chromium, which the browser tests drive, is not installed\n"
            "  apt-get update && apt-get install -y --no-install-recommends chromium"
        )
    return playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))


def context(browser: Browser, width: int, height: int, scale: float = 1.0) -> BrowserContext:
    """A window of its own with the preferences of a user who likes to see everything."""
    opened = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    opened.add_init_script(_PREFERENCES)
    opened.set_default_timeout(90_000)  # milliseconds; the machine may be busy with other tests
    return opened


def _free_ports(number: int) -> list[int]:
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
