"""A real Dagster server: an edit and a reload mark exactly the affected assets, and one run of these computes them."""

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
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.pipelines import product

_NODES = "{ assetNodes { assetKey { path } isMaterializable staleStatus staleCauses { category reason } } }"
_RELOAD = 'mutation { reloadRepositoryLocation(repositoryLocationName: "compression") { __typename } }'
_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
_RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
_RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"


class Server:
    """`dagster dev` (web server and daemon) on a free port of this machine."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "dagster",
            "dev",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-w",
            "workspace.yaml",
        ]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)
        self._wait(lambda: bool(self.query("{ version }")), "the server to answer")

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """One GraphQL request."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def unsynced(self) -> set[str]:
        """The assets that the UI marks as unsynced, without the recipe's name."""
        nodes = self.query(_NODES)["assetNodes"]
        stale = [node for node in nodes if node["isMaterializable"] and node["staleStatus"] != "FRESH"]
        return {"/".join(node["assetKey"]["path"][1:]) for node in stale}

    def reload(self) -> None:
        """*Reload definitions*."""
        self.query(_RELOAD)

    def materialize(self, names: set[str]) -> str:
        """*Materialize* a selection, as the UI launches it; returns the run's status at its end."""
        selector = {
            "repositoryLocationName": "compression",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["tiny", *name.split("/")]} for name in sorted(names)],
            "assetCheckSelection": [],
        }
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        launched = self.query(_LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        finished = ("SUCCESS", "FAILURE", "CANCELED")
        self._wait(lambda: self._status(run_id) in finished, "the run to end")
        return self._status(run_id)

    def runs(self) -> int:
        """How many runs there are."""
        return len(self.query(_RUNS)["runsOrError"]["results"])

    def stop(self) -> None:
        """End the server and its children."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=30)

    def _status(self, run_id: str) -> str:
        return self.query(_RUN, id=run_id)["runOrError"]["status"]

    def _wait(self, done: Any, what: str) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the server ended"
            try:
                if done():
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.5)
        raise AssertionError(f"waited in vain for {what}")


@pytest.fixture
def server(recipe: Path, home: Path, defs: Path) -> Iterator[Server]:
    """A server on the home in which `tiny` has been run."""
    environment = os.environ | {"DAGSTER_HOME": str(home / "dagster"), "PYTHONWARNINGS": "ignore"}
    started = Server(environment)
    yield started
    started.stop()


def test_an_edit_marks_exactly_the_affected_assets_and_one_run_computes_them(server: Server, recipe: Path) -> None:
    assert server.unsynced() == set(), "what the command line ran is in sync in the UI"
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    server.reload()
    affected = {"student/small", "quantized_student/int8", "benchmark_report"}
    assert server.unsynced() == affected
    before = server.runs()
    assert server.materialize(affected) == "SUCCESS"
    assert server.runs() == before + 1
    assert server.unsynced() == set()
    assert set(product.states().values()) == {"fresh"}, "what the UI ran is fresh on the command line"

    product.edit(recipe, "temperature: 2.0", "temperature: 4.0")
    server.reload()
    assert server.unsynced() == affected
    assert server.materialize(affected) == "SUCCESS"
    assert server.unsynced() == set()
    entry = product.workshop().history.latest("tiny", "student/small")
    assert entry is not None
    assert not entry.computed, "the reverted edit was reused, not computed"
