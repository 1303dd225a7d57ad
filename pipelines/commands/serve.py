"""Dagster's UI (with its daemon) and MLflow's as servers of this machine: started, awaited, reloaded, ended."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from compression_ops.errors import CompressionError
from pipelines.state.home import Home

HOST = "127.0.0.1"
_GRACE = 10.0  # seconds that servers have to end in
_LAST_WORDS = 1.0  # seconds until what a killed server wrote must have been read
_PATIENCE = 120.0  # seconds until a server must answer
_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"
_RELOAD = """
mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) {
  __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
  ... on ReloadNotSupported { message } ... on RepositoryLocationNotFound { message }
  ... on UnauthorizedError { message } ... on PythonError { message }
} }
"""
# A line of Dagster's log, of a level that says nothing of a failure. Dagster offers no setting for that: it logs each
# look of a sensor at INFO and each event of a run at DEBUG, whatever `--log-level` says. Both stand in its UI as well.
# And what MLflow says at each start of a server that this machine alone can reach.
_CHATTER = re.compile(
    rb"(\x1b\[\d+m)*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}(\x1b\[\d+m)* - dagster\S* - (\x1b\[\d+m)*(DEBUG|INFO)"
    rb"|\[MLflow\] Security middleware enabled with default settings"
)


@dataclass(frozen=True)
class Server:
    """A server.

    process      leads a process group of its own
    reader       the thread that passes on what the group writes
    is_stopping  set once the server was asked to end: what it writes from then on is of no use to anybody
    """

    process: subprocess.Popen[bytes]
    reader: threading.Thread
    is_stopping: threading.Event

    @property
    def is_running(self) -> bool:
        """Whether the server has not ended."""
        return self.process.poll() is None


def environment(home: Home, dagster_home: str, mlflow_address: str) -> dict[str, str]:
    """What both servers are told: where the state lies, and to be quiet."""
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # scorers of language models: processes that nobody here needs
        "PYTHONWARNINGS": "ignore",
    }
    return {
        **quiet,
        **os.environ,
        "COMPRESSION_HOME": str(home.root),
        "COMPRESSION_MLFLOW_ADDRESS": mlflow_address,
        "DAGSTER_HOME": dagster_home,
    }


def dagster(port: int, variables: Mapping[str, str], with_daemon: bool = True) -> Server:
    """Start Dagster's web server, code location and, unless another machine's serves this database, daemon."""
    program = ["dagster", "dev"] if with_daemon else ["dagster_webserver"]
    command = [sys.executable, "-m", *program, "-h", HOST, "-p", str(port)]
    command += ["--log-level", "warning"] if with_daemon else ["--dagster-log-level", "warning"]
    command += ["-w", str(_WORKSPACE)] if _WORKSPACE.exists() else ["-m", "pipelines.definitions"]
    return _start(command, variables)


def mlflow(home: Home, port: int, variables: Mapping[str, str]) -> Server:
    """Start MLflow's server on the home's database and artifacts."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", home.tracking_uri, "--registry-store-uri", home.tracking_uri]
    command += ["--default-artifact-root", str(home.mlflow / "artifacts"), "--serve-artifacts"]
    command += ["--uvicorn-opts", "--log-level warning"]  # no line for each request
    return _start(command, variables)


def require_free(port: int, option: str) -> None:
    """Raise CompressionError if a port is taken; `option` is what chooses another."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CompressionError(
                f"port {port} is taken\n  end the program that uses it, or choose another with {option} PORT"
            ) from error


def wait_until_ready(servers: Sequence[Server], url: str, name: str) -> None:
    """Return when a server answers. Raises CompressionError if one has ended, or if it takes minutes."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not all(server.is_running for server in servers):
            raise CompressionError("a server ended before it was ready; its last words stand above")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise CompressionError(f"{name} did not answer at {url} within {_PATIENCE:.0f} s")


def reload(port: int) -> str | None:
    """Have Dagster load the code location anew; returns why it could not, None if it did."""
    name = "compression" if _WORKSPACE.exists() else "pipelines.definitions"
    body = json.dumps({"query": _RELOAD, "variables": {"name": name}}).encode()
    request = urllib.request.Request(f"http://{HOST}:{port}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        return f"Dagster did not answer: {error}"
    if "errors" in found:
        return str(found["errors"])
    entry = found["data"]["reloadRepositoryLocation"]
    return entry.get("message") or (entry.get("locationOrLoadError") or {}).get("message")


def stop(servers: Sequence[Server]) -> None:
    """End servers and their children; what has not ended after 10 s is killed.

    All words of a server that had ended by itself are out then.
    """
    for server in servers:
        if server.is_running:
            server.is_stopping.set()
        _signal(server, signal.SIGINT)
    deadline = time.monotonic() + _GRACE
    for server in servers:
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(timeout=max(deadline - time.monotonic(), 0))
            # Until the last of its children has closed the pipe: a run may be about to note that it was stopped.
            server.reader.join(max(deadline - time.monotonic(), 0))
        _signal(server, signal.SIGKILL)
        server.process.wait()
        server.reader.join(_LAST_WORDS)


def _signal(server: Server, number: signal.Signals) -> None:
    """To the server, if it runs, and to all of its children."""
    with suppress(ProcessLookupError):
        os.killpg(server.process.pid, number)


def _start(command: list[str], variables: Mapping[str, str]) -> Server:
    """In a process group of its own: its children end with it."""
    process = subprocess.Popen(
        command,
        env=variables,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    is_stopping = threading.Event()
    reader = threading.Thread(target=_pass_on, args=(process.stdout, is_stopping), daemon=True)
    reader.start()
    return Server(process, reader, is_stopping)


def _pass_on(stream: IO[bytes], is_stopping: threading.Event) -> None:
    """Everything that a server's processes write, but for chatter, to stderr."""
    for line in stream:
        if not (is_stopping.is_set() or _CHATTER.match(line)):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
