"""A real tracking server that is down before a run, is killed in the middle of one, and comes back."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.execution.recording import outage
from pipelines.lineage import connection, runs
from pipelines.state import home as homes
from tests.pipelines import product
from tests.pipelines.lineage import test_sync as syncs
from tests.pipelines.mlflow_process import Server
from tests.pipelines.ticks import before_stage

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """`mlflow server` that is not started yet, to which everything is told."""
    command = ["server", "--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--serve-artifacts", "--artifacts-destination", str(tmp_path / "served")]
    found = Server(command, "/health", tmp_path, dict(os.environ))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    yield found
    found.end()


def _as_in_a_new_process() -> None:
    outage.forget()
    runs.of_recipe.cache_clear()


def test_a_server_that_was_down_and_was_killed_ends_up_with_what_one_that_was_there_has(
    home: Path, defs: Path, server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = product.run(patterns=["soft_labels"])
    assert first.named("computed") == ["dataset", "teacher", "soft_labels"]
    assert first.unrecorded == ("dataset", "teacher", "soft_labels")
    assert "does not answer as it should" in first.outage
    assert "start the server that MLFLOW_TRACKING_URI names" in first.outage

    server.start()
    _as_in_a_new_process()
    with monkeypatch.context() as patch:
        before_stage(patch, "student/small", lambda: server.end(signal.SIGKILL))
        middle = product.run(patterns=["student/small"])
    assert middle.named("computed") == ["student/small"]
    assert middle.unrecorded == ("student/small",), "the next run told MLflow by itself what came before"
    last = product.run()
    assert not last.named("failed")
    assert last.named("skipped") == ["champion"]
    assert last.unrecorded == (
        "student/small", "control/small", "quantized_student/int8", "measurements", "benchmark_report", "champion",
    )  # fmt: skip

    server.start()
    _as_in_a_new_process()
    said = syncs.sync()
    assert {item["asset"] for item in said["told"]} == set(last.unrecorded) - {"champion"}
    assert said["decided"] == ["champion"]
    client = connection.client(homes.current())
    assert (
        client.get_model_version_by_alias("tiny", "champion").run_id == product.entry("quantized_student/int8").run_id
    )
    assert syncs.runs_of(client) == {(name, "FINISHED"): 1 for name in product.states()}
    again = syncs.sync()
    assert (again["told"], again["decided"], again["missing"]) == ([], [], [])
    assert product.computed() == set()
    told = {name: syncs.record(client, name) for name in product.states() if name != "champion"}

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    request.getfixturevalue("recipe")  # which was run with an MLflow that was there, in the same home
    reference = connection.client(homes.current())
    for name, found in told.items():
        expected = syncs.record(reference, name)
        if name == "benchmark_report":  # it reads the latencies too, so that its action is another in every home
            for each in (found, expected):
                del each["tags"]["mlflow.compression.action"]
        assert found.pop("logged") == expected.pop("logged"), name  # apart, so that a difference is told in full
        assert found == expected, name
