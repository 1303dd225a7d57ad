"""Lineage that is completed later: stages go on without MLflow, and what it missed is recorded from the history."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.execution.recording import outage
from pipelines.lineage import connection, runs
from pipelines.lineage.database.faults import TrackingUnavailable
from pipelines.state import home as homes
from tests.pipelines import product

_INPUT = "mlflow.compression.input."
# What differs between two runs of one computation: who, when, where, and whose ids its links lead to.
_OF_A_RUN = {"dagster.run_id", "mlflow.note.content", "mlflow.source.name", "mlflow.compression.computation"}
_OF_A_RUN |= {
    "mlflow.compression.process",
    "mlflow.compression.place",
    "mlflow.source.git.commit",
    "mlflow.modelVersions",
}
_MEASURED = ("latency", "seconds", "_us", "memory", "per_second", "speedup")


def _compression(*arguments: str) -> Result:
    return CliRunner().invoke(app(), arguments)


def sync() -> dict[str, Any]:
    result = _compression("sync-lineage", "tiny", "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)[0]


def lose(home: Path) -> None:
    """Damage MLflow's database, as far as a user can tell."""
    (home / "kept").mkdir()
    for file in (home / "mlflow").glob("mlflow.db*"):
        file.rename(home / "kept" / file.name)
    (home / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1000)


def bring_back(home: Path) -> MlflowClient:
    """Undo that, and let it be found out as by another process."""
    for file in (home / "kept").iterdir():
        file.rename(home / "mlflow" / file.name)
    outage.forget()
    return connection.client(homes.current())


def record(client: MlflowClient, asset: str) -> dict[str, Any]:
    """What MLflow says of an asset's run, but for what is another in every run."""
    run = client.get_run(product.entry(asset).run_id)
    tags = {name: value for name, value in run.data.tags.items() if name not in _OF_A_RUN}
    parents = {name: value for name, value in tags.items() if name.startswith(_INPUT)}
    found = run.inputs
    return {
        "status": run.info.status,
        "params": run.data.params,
        "tags": {name: value for name, value in tags.items() if name not in parents},
        "parents": sorted((json.loads(value)["assets"], json.loads(value)["digest"]) for value in parents.values()),
        "metrics": {n: v for n, v in run.data.metrics.items() if not any(word in n for word in _MEASURED)},
        "epochs": [metric.value for metric in client.get_metric_history(run.info.run_id, "epoch/loss")],
        "data": [(item.dataset.name, item.dataset.digest, item.dataset.profile) for item in found.dataset_inputs],
        "models": len(found.model_inputs),
        "files": {item.path for item in client.list_artifacts(run.info.run_id)},
        "logged": _model(client, run),
    }


def _model(client: MlflowClient, run: Run) -> Any:
    if not run.outputs.model_outputs:
        return None
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    files = {item.path for item in client.list_logged_model_artifacts(model.model_id) if not item.is_dir}
    files.discard("registered_model_meta")  # which is written beside a version that was read from a local folder
    return {
        "status": str(model.status),
        "name": model.name,
        "params": model.params,
        "tags": {name: value for name, value in model.tags.items() if name not in _OF_A_RUN},
        "files": files,
        "metrics": sorted({metric.key for metric in model.metrics}),
    }


def runs_of(client: MlflowClient) -> Counter[tuple[str, str]]:
    """How many runs there are of each asset and status."""
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    return Counter((run.data.tags["compression.asset"], run.info.status) for run in found)


def test_a_stage_goes_on_without_mlflow_which_a_sync_tells_once(recipe: Path, home: Path) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 21")
    lose(home)
    result = _compression("run", "tiny")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("is damaged") == 1
    assert "move it away" in result.stderr
    assert "`compression sync-lineage tiny`" in result.stderr
    assert "tells MLflow what it missed: measurements, benchmark_report, champion. No result is lost." in result.stderr
    states = json.loads(_compression("status", "tiny", "--json").stdout)["assets"]
    assert {item["asset"]: item["state"] for item in states if item["state"] != "fresh"} == {"champion": "stale"}
    (measured,) = [item for item in states if item["asset"] == "measurements"]
    assert measured["mlflow_run_id"] is None
    assert measured["notes"] == ["not in MLflow yet: `compression sync-lineage tiny`"]
    failed = _compression("sync-lineage", "tiny", "--json")
    assert (failed.exit_code, json.loads(failed.stdout)) == (1, [])
    assert "is damaged" in failed.stderr

    client = bring_back(home)
    assert "`compression sync-lineage tiny` tells it" in str(_compression("lineage", "tiny").exception)
    before = runs_of(client)
    said = sync()
    assert [(item["asset"], item["why"]) for item in said["told"]] == [
        ("measurements", "unrecorded"), ("benchmark_report", "unrecorded"),
    ]  # fmt: skip
    assert said["decided"] == ["champion"]
    assert said["missing"] == []
    assert runs_of(client) - before == {
        ("measurements", "FINISHED"): 1, ("benchmark_report", "FINISHED"): 1, ("champion", "FINISHED"): 1,
    }  # fmt: skip
    tree = json.loads(_compression("lineage", "tiny", "--json").stdout)
    (measurements,) = tree["inputs"]
    assert measurements["mlflow_run_id"] == product.entry("measurements").run_id
    assert None not in {item["mlflow_run_id"] for item in measurements["inputs"]}
    assert product.states() == dict.fromkeys(product.states(), "fresh")
    assert _compression("sync-lineage", "tiny").stdout == "tiny: MLflow lacks nothing; nothing was done.\n"
    assert product.computed() == set()


def test_what_was_told_before_an_outage_is_said_and_the_rest_told_though_the_recipe_is_gone(
    recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 21")
    lose(home)
    assert _compression("run", "tiny").exit_code == 0
    client = bring_back(home)
    catch_up, count = runs.Lineage.catch_up, iter(range(9))

    def once(lineage: runs.Lineage, *told: Any) -> Any:
        if next(count):
            raise TrackingUnavailable("MLflow went away")
        return catch_up(lineage, *told)

    with monkeypatch.context() as patch:
        patch.setattr(runs.Lineage, "catch_up", once)
        failed = _compression("sync-lineage", "--json")
    assert failed.exit_code == 1
    assert "MLflow went away" in failed.stderr
    (said,) = json.loads(failed.stdout)
    assert [item["asset"] for item in said["told"]] == ["measurements"]

    recipe.unlink()
    before = runs_of(client)
    gone = _compression("sync-lineage", "--json")
    assert gone.exit_code == 0, gone.stderr
    (said,) = json.loads(gone.stdout)
    assert (said["recipe"], said["decided"], said["missing"]) == ("tiny", [], [])
    assert [item["asset"] for item in said["told"]] == ["benchmark_report"]
    assert runs_of(client) - before == {("benchmark_report", "FINISHED"): 1}
    assert json.loads(_compression("sync-lineage", "--json").stdout) == []


def test_sync_lineage_of_a_recipe_that_does_not_exist_is_told(recipe: Path) -> None:
    result = _compression("sync-lineage", "tinny")
    assert result.exit_code == 1
    assert "no recipe is named 'tinny'" in result.stderr
    assert "did you mean `tiny`?" in result.stderr


def test_runs_in_the_trash_come_back_and_those_gone_for_good_are_recorded_anew(recipe: Path, home: Path) -> None:
    client = connection.client(homes.current())
    teacher, labels = product.entry("teacher"), product.entry("soft_labels")
    before = {"soft_labels": record(client, "soft_labels")}
    client.delete_run(teacher.run_id)
    client.delete_run(labels.run_id)
    client._tracking_client.store._hard_delete_run(labels.run_id)
    client.delete_model_version("tiny", client.get_model_version_by_alias("tiny", "champion").version)
    said = sync()
    assert [(item["asset"], item["why"]) for item in said["told"]] == [
        ("teacher", "restored"), ("soft_labels", "lost"),
    ]  # fmt: skip
    assert said["decided"] == ["champion"]
    assert client.get_run(teacher.run_id).info.lifecycle_stage == "active"
    assert client.get_model_version_by_alias("tiny", "champion").tags["compression.digest"]
    assert product.entry("soft_labels").run_id != labels.run_id
    assert product.entry("student/small").inputs["soft_labels"].run_id == product.entry("soft_labels").run_id
    after = record(client, "soft_labels")
    metrics = before["soft_labels"]["metrics"]
    before["soft_labels"]["metrics"] = {name: metrics[name] for name in metrics if not name.startswith("epoch/")}
    for told in ("status", "params", "parents", "metrics", "data", "models", "files", "logged"):
        assert after[told] == before["soft_labels"][told], told
    again = sync()
    assert (again["told"], again["decided"]) == ([], [])
    assert product.computed() == set(), "nothing is computed for any of this"


@pytest.mark.slow
def test_an_mlflow_that_was_removed_gets_every_newest_result_and_a_champion(recipe: Path, home: Path) -> None:
    before = {name: product.entry(name).run_id for name in product.states()}
    shutil.rmtree(home / "mlflow")
    connection._open.cache_clear()  # pyright: ignore[reportPrivateUsage]
    said = sync()
    assert {item["asset"]: item["why"] for item in said["told"]} == dict.fromkeys(before, "lost")
    assert said["decided"] == ["champion"]
    client = connection.client(homes.current())
    assert {name for name, _ in runs_of(client)} == set(before)
    tree = json.loads(_compression("lineage", "tiny", "--json").stdout)
    (measurements,) = tree["inputs"]
    assert None not in {item["mlflow_run_id"] for item in measurements["inputs"]}
    again = sync()
    assert (again["told"], again["decided"]) == ([], [])
