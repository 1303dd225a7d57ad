"""From the report's run, MLflow alone leads to every ancestor's run, model, data digest and parameter."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.lineage import connection
from pipelines.pipeline import Pipeline
from pipelines.state import home as homes
from pipelines.state.materialization import Materialization
from tests.pipelines import product

_INPUT = "mlflow.compression.input."  # and then the id of the run that made the input


@pytest.fixture
def client(home: Path) -> MlflowClient:
    """A client of the home's tracking store."""
    return connection.client(homes.current())


def _ancestors(client: MlflowClient, run: Run) -> dict[str, Run]:
    """Every computation that a run was made from, by following its tags."""
    found: dict[str, Run] = {}
    for tag, value in run.data.tags.items():
        if tag.startswith(_INPUT) and "experiment_id" in json.loads(value):
            parent = client.get_run(tag.removeprefix(_INPUT))
            found[parent.data.tags["compression.asset"]] = parent
            found |= _ancestors(client, parent)
    return found


@pytest.mark.slow
def test_a_report_after_a_history_of_edits_leads_back_to_what_it_was_really_made_from(
    home: Path, defs: Path, client: MlflowClient
) -> None:
    recipe = defs / "tiny" / "defs.yaml"
    product.run()
    first = {name: product.pipeline().history.latest("tiny", name) for name in product.states()}
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    product.run()
    product.edit(recipe, "seed: 0\n  soft_labels", "seed: 7\n  soft_labels")  # another teacher, for a while
    product.run()
    product.edit(recipe, "seed: 7\n  soft_labels", "seed: 0\n  soft_labels")
    product.edit(recipe, "iterations: 20", "iterations: 21")
    assert product.computed() == {"measurements", "benchmark_report", "champion"}

    report = product.pipeline().history.latest("tiny", "benchmark_report")
    assert report is not None
    ancestors = _ancestors(client, client.get_run(report.run_id))
    assert set(ancestors) == {
        "dataset", "teacher", "soft_labels", "student/small", "control/small", "quantized_student/int8", "measurements",
    }  # fmt: skip
    for name in ("dataset", "teacher", "soft_labels", "control/small"):
        entry = first[name]
        assert entry is not None
        assert ancestors[name].info.run_id == entry.run_id, f"{name} is not the one that was reused"
        assert ancestors[name].data.tags["dagster.data_version"] == entry.digest
    assert ancestors["teacher"].data.params["seed"] == "0"
    assert ancestors["student/small"].data.params["loss.temperature"] == "2.0"
    raw = product.pipeline().history.latest("tiny", "dataset")
    assert raw is not None
    assert f"{_INPUT}{raw.inputs['raw_data'].digest}" in ancestors["dataset"].data.tags

    measured = ancestors["measurements"].inputs
    models = {item.model_id for item in measured.model_inputs}
    assert models == {
        ancestors[name].outputs.model_outputs[0].model_id for name in ancestors if "/" in name or name == "teacher"
    }
    data = measured.dataset_inputs[0]
    assert json.loads(data.dataset.profile)["sha256"] == ancestors["dataset"].data.tags["dagster.data_version"]
    assert {tag.value for tag in data.tags} == {"test"}


def test_runs_and_models_carry_what_a_reviewer_asks_for(home: Path, defs: Path, client: MlflowClient) -> None:
    product.run()
    pipeline = product.pipeline()
    student = pipeline.history.latest("tiny", "student/small")
    labels = pipeline.history.latest("tiny", "soft_labels")
    assert student is not None
    assert labels is not None
    run = client.get_run(student.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["dagster.asset_key"] == "tiny/student_small"
    assert run.data.tags["dagster.code_version"] == pipeline.graph.derivations["student/small"]
    loaded = json.loads(run.data.tags[f"{_INPUT}{labels.run_id}"])
    assert (loaded["assets"], loaded["digest"]) == (["soft_labels"], labels.digest)
    assert f"runs/{labels.run_id}" in run.data.tags["mlflow.note.content"]
    assert f"torch {version('torch')}" in run.data.tags["compression.versions"]
    assert run.data.tags["mlflow.user"]
    losses = client.get_metric_history(student.run_id, "epoch/loss")
    assert [metric.step for metric in losses] == [1, 2]

    assert student.model_id is not None
    model = client.get_logged_model(student.model_id)
    assert model.status == "READY"
    assert model.source_run_id == student.run_id
    named = {metric.key: metric for metric in model.metrics}
    accuracy = named["student/small.test_accuracy"]
    assert accuracy.dataset_digest == _entry(pipeline, "dataset").digest[:36]
    assert accuracy.value == _entry(pipeline, "measurements").metrics["student/small.test_accuracy"]

    quantized = _entry(pipeline, "quantized_student/int8")
    assert quantized.model_id is not None
    files = {item.path for item in client.list_logged_model_artifacts(quantized.model_id)}
    assert {"MLmodel", "model.onnx"} <= files


def test_a_failed_stage_leaves_a_failed_run_with_its_cause(
    home: Path, defs: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import compression_ops.stages.soft_labels as stage

    def fail(*_: object) -> None:
        raise OSError("the disk caught fire")

    monkeypatch.setattr(stage, "run", fail)
    report = product.runner.run(product.pipeline())
    assert report.named("failed") == ["soft_labels"]
    assert report.named("computed") == ["dataset", "teacher", "control/small"]
    assert report.named("skipped") == [
        "student/small",
        "quantized_student/int8",
        "measurements",
        "benchmark_report",
        "champion",
    ]
    assert "the disk caught fire" in next(item.cause for item in report.outcomes if item.outcome == "failed")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FAILED'")
    assert [run.data.tags["compression.asset"] for run in runs] == ["soft_labels"]
    assert "the disk caught fire" in runs[0].data.tags["error"]

    monkeypatch.undo()
    monkeypatch.setenv("COMPRESSION_HOME", str(home))
    monkeypatch.setenv("COMPRESSION_DEFS", str(defs))
    skipped = {"student/small", "quantized_student/int8", "measurements", "benchmark_report", "champion"}
    assert product.computed() == {"soft_labels"} | skipped


def test_a_run_whose_process_was_killed_is_closed_at_the_next_start(
    home: Path, defs: Path, client: MlflowClient
) -> None:
    product.run(patterns=["dataset"])
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    tags = client.search_runs([experiment.experiment_id])[0].data.tags
    host = {"mlflow.compression.host": tags["mlflow.compression.host"]}
    process = {"mlflow.compression.process": tags["mlflow.compression.process"]}
    orphan = client.create_run(experiment.experiment_id, tags=host | {"mlflow.compression.process": "1@0"})
    alive = client.create_run(experiment.experiment_id, tags=host | process)
    elsewhere = {"mlflow.compression.process": "1@0", "mlflow.compression.place": "container other-home"}
    unknown = client.create_run(experiment.experiment_id, tags=host | elsewhere)
    from pipelines.lineage.runs import Lineage

    Lineage(homes.current(), "tiny")
    assert client.get_run(orphan.info.run_id).info.status == "FAILED"
    assert client.get_run(alive.info.run_id).info.status == "RUNNING"
    assert client.get_run(unknown.info.run_id).info.status == "RUNNING", "its ids are not those of this machine"


def test_the_command_shows_the_tree_backwards_and_forwards(home: Path, defs: Path) -> None:
    product.run()
    tree = json.loads(CliRunner().invoke(app(), ["lineage", "tiny", "--json"]).stdout)
    assert tree["asset"] == "benchmark_report"
    (measurements,) = tree["inputs"]
    names = {item["asset"] for item in measurements["inputs"]}
    assert names == {"dataset", "teacher", "student/small", "control/small", "quantized_student/int8"}
    (dataset,) = [item for item in measurements["inputs"] if item["asset"] == "dataset"]
    assert dataset["inputs"][0]["asset"] == "raw_data"
    assert len(dataset["inputs"][0]["digest"]) == 64

    forward = json.loads(CliRunner().invoke(app(), ["lineage", "tiny", "teacher", "--forward", "--json"]).stdout)
    assert {item["asset"] for item in forward["inputs"]} == {"soft_labels", "measurements"}
    text = CliRunner().invoke(app(), ["lineage", "tiny"]).stdout
    assert "shown above" in text
    assert "raw files" in text


@pytest.mark.slow
def test_a_tracking_store_that_knows_no_earlier_run_gets_what_is_computed_now(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 23")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    assert product.computed() == {"measurements", "benchmark_report", "champion"}
    tree = json.loads(CliRunner().invoke(app(), ["lineage", "tiny", "--json"]).stdout)
    (measurements,) = tree["inputs"]
    assert {item["mlflow_run_id"] for item in measurements["inputs"]} == {None}
    assert all(len(item["digest"]) == 64 for item in measurements["inputs"])


def test_forwards_from_the_raw_data_reaches_every_model(recipe: Path) -> None:
    tree = json.loads(CliRunner().invoke(app(), ["lineage", "tiny", "raw_data", "--forward", "--json"]).stdout)

    def names(node: dict[str, Any]) -> set[str]:
        return {node["asset"]}.union(*(names(item) for item in node["inputs"]))

    assert names(tree) == {"raw_data", *product.states()}


def _entry(pipeline: Pipeline, name: str) -> Materialization:
    entry = pipeline.history.latest("tiny", name)
    assert entry is not None
    return entry
