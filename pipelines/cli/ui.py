"""`compression ui`."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.terminal.console import err, out
from pipelines.state.home import Home

_HOST = "127.0.0.1"
_PATIENCE = 120.0  # seconds until a server must answer


def command(
    port: Annotated[int, typer.Option(help="Of Dagster's UI.", min=1, max=65535)] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Of MLflow's UI.", min=1, max=65535)] = 5000,
) -> None:
    """Serve Dagster's UI (with its daemon) and MLflow's on this machine only; Ctrl-C ends both."""
    from pipelines.lineage import connection
    from pipelines.orchestration import run
    from pipelines.state import home

    place = home.current()
    own_mlflow = connection.local_database(place) is not None
    address = f"http://{_HOST}:{mlflow_port}" if own_mlflow else place.mlflow_address
    environment = os.environ | {
        "COMPRESSION_HOME": str(place.root),
        "DAGSTER_HOME": run.dagster_home(place),
        "COMPRESSION_MLFLOW_ADDRESS": address,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
    }
    _require_free(port, "--port")
    if own_mlflow:
        _require_free(mlflow_port, "--mlflow-port")
        connection.prepare(place)
    for ended in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ended, _interrupt)
    servers: list[subprocess.Popen[bytes]] = []
    try:
        if own_mlflow:  # with MLFLOW_TRACKING_URI set, somebody else's server holds the lineage
            servers.append(_start(_mlflow(place, mlflow_port), environment))
        servers.append(_start(_dagster(port), environment))
        if own_mlflow:
            _wait_until_ready(servers, f"{address}/health", "MLflow")
        _wait_until_ready(servers, f"http://{_HOST}:{port}/server_info", "Dagster")
        out.print(f"Dagster  http://{_HOST}:{port}")
        out.print(f"MLflow   {address}/#/experiments?workflowType=machine_learning")
        out.print("Ctrl-C ends both." if own_mlflow else "Ctrl-C ends Dagster.")
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        raise CompressionError("a server ended by itself; its last words stand above")
    except KeyboardInterrupt:
        err.print("ending both servers")
    finally:
        _stop(servers)


def _dagster(port: int) -> list[str]:
    workspace = Path(__file__).resolve().parents[2] / "workspace.yaml"
    command = [sys.executable, "-m", "dagster", "dev", "-h", _HOST, "-p", str(port), "--log-level", "warning"]
    return [*command, "-w", str(workspace)] if workspace.exists() else [*command, "-m", "pipelines.definitions"]


def _mlflow(place: Home, port: int) -> list[str]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port), "--workers", "1"]
    return [
        *command,
        "--backend-store-uri",
        place.tracking_uri,
        "--default-artifact-root",
        str(place.mlflow / "artifacts"),
        "--serve-artifacts",
    ]


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """In a process group of its own: its children end with it."""
    return subprocess.Popen(command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL)


def _stop(servers: list[subprocess.Popen[bytes]]) -> None:
    for server in servers:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGINT)
    for server in servers:
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _require_free(port: int, option: str) -> None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise CompressionError(
                f"port {port} is taken\n  end the program that uses it, or choose another with {option} PORT"
            ) from error


def _wait_until_ready(servers: list[subprocess.Popen[bytes]], url: str, name: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if any(server.poll() is not None for server in servers):
            raise CompressionError("a server ended before it was ready; its last words stand above")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise CompressionError(f"{name} did not answer at {url} within {_PATIENCE:.0f} s")
