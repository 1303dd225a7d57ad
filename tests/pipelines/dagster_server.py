"""`dagster dev`, driven over its GraphQL interface."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import dagster as dg

from pipelines.orchestration import instance
from pipelines.orchestration.keys import key, names
from pipelines.state import home as homes
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
_TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
_EVENTS = """
query ($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection { events { __typename ... on MessageEvent { message stepKey } } }
  }
}
"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status assetSelection { path } tags { key value } } } } }"
_TICKS = """
query ($name: String!) {
  sensorOrError(sensorSelector: {
    repositoryLocationName: "compression", repositoryName: "__repository__", sensorName: $name
  }) { ... on Sensor { sensorState { ticks(limit: 100) { timestamp status runIds error { message } } } } }
}
"""
_CURSOR = """
mutation ($name: String!) {
  setSensorCursor(sensorSelector: {
    repositoryLocationName: "compression", repositoryName: "__repository__", sensorName: $name
  }) { __typename }
}
"""
_FINISHED = ("SUCCESS", "FAILURE", "CANCELED")


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
        self.wait(lambda: bool(self.query("{ version }")), "the server to answer")

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
        return {_name(node["assetKey"]["path"]) for node in stale}

    def reload(self) -> None:
        """*Reload definitions*."""
        self.query(_RELOAD)

    def materialize(self, names: set[str]) -> str:
        """*Materialize* a selection, as the UI launches it; returns the run's status at its end."""
        run_id = self.launch(names)
        self.wait(lambda: self.status(run_id) in _FINISHED, "the run to end")
        return self.status(run_id)

    def launch(self, names: set[str]) -> str:
        """As `materialize`, but returns the run's id at once."""
        selector = {
            "repositoryLocationName": "compression",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": list(key("tiny", name).path)} for name in sorted(names)],
        }
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        launched = self.query(_LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def terminate(self, run_id: str) -> None:
        """*Terminate* a run."""
        done = self.query(_TERMINATE, id=run_id)["terminateRun"]
        assert done["__typename"] == "TerminateRunSuccess", done

    def starts(self, run_id: str) -> list[str]:
        """The steps of a run that were started, each as often as it was."""
        events = self.query(_EVENTS, id=run_id)["logsForRun"]["events"]
        return [event["stepKey"] for event in events if event["__typename"] == "ExecutionStepStartEvent"]

    def messages(self, run_id: str) -> list[str]:
        """What the run has logged."""
        return [event["message"] for event in self.query(_EVENTS, id=run_id)["logsForRun"]["events"]]

    def runs(self) -> int:
        """How many runs there are."""
        return len(self._runs())

    def finished_runs(self) -> list[tuple[str, set[str]]]:
        """(status, selected assets without the recipe's name) of every run that ended, the oldest first."""
        ended = [run for run in reversed(self._runs()) if run["status"] in _FINISHED]
        return [(run["status"], {_name(key["path"]) for key in run["assetSelection"]}) for run in ended]

    def run_tags(self) -> list[dict[str, str]]:
        """The tags of every run, the oldest first."""
        return [{tag["key"]: tag["value"] for tag in run["tags"]} for run in reversed(self._runs())]

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """The ticks of a sensor that ended, the oldest first."""
        found = self.query(_TICKS, name=sensor)["sensorOrError"]["sensorState"]["ticks"]
        return [tick for tick in reversed(found) if tick["status"] != "STARTED"]

    def is_computing(self) -> bool:
        """Whether a run has begun and not ended."""
        return any(run["status"] == "STARTED" for run in self._runs())

    def lose_cursor(self, sensor: str) -> None:
        """What a sensor knows of its earlier ticks is gone."""
        assert self.query(_CURSOR, name=sensor)["setSensorCursor"]["__typename"] == "Sensor"

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Await a condition, while the server runs."""
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

    def stop(self) -> None:
        """End the server and its children."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=30)

    def _runs(self) -> list[dict[str, Any]]:
        return self.query(_RUNS)["runsOrError"]["results"]

    def status(self, run_id: str) -> str:
        """Of a run: `STARTED`, `SUCCESS`, `CANCELED`, ..."""
        return self.query(_RUN, id=run_id)["runOrError"]["status"]


def _name(path: list[str]) -> str:
    """The name in the recipe of an asset, or of what is observed."""
    return _names(path[0], homes.current()).get(dg.AssetKey(path), path[-1])


@cache
def _names(recipe: str, home: homes.Home) -> Mapping[dg.AssetKey, str]:
    """Of a recipe in a home, in which no test adds an asset while a server runs: they are asked for twice a second."""
    return names(product.pipeline(recipe).graph)


@contextmanager
def served(**settings: str) -> Iterator[Server]:
    """A server on the home and the recipes that the environment names, with further environment variables."""
    environment = {"DAGSTER_HOME": instance.folder(homes.current()), "PYTHONWARNINGS": "ignore"}
    started = Server(os.environ | environment | settings)
    try:
        yield started
    finally:
        started.stop()
