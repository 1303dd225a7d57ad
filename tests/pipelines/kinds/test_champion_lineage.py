"""What MLflow and the registered file say of a champion."""

import json
from pathlib import Path

import onnx
import pytest
from mlflow.tracking import MlflowClient

from compression_ops.onnx_model import metadata
from pipelines.lineage import connection
from pipelines.lineage.registry import Registry
from pipelines.state import home as homes
from tests.pipelines import product

_QUANTIZED = "quantized_student/int8"


@pytest.fixture
def client(home: Path) -> MlflowClient:
    """A client of the home's tracking store."""
    return connection.client(homes.current())


def test_the_versions_page_leads_to_its_run_its_gates_and_its_data(recipe: Path, client: MlflowClient) -> None:
    version = client.get_model_version_by_alias("tiny", "champion")
    quantized, report, decided, data = (
        product.entry(name) for name in (_QUANTIZED, "measurements", "champion", "dataset")
    )
    assert version.description is not None
    for entry in (quantized, report, decided, data):
        assert f"(#/experiments/{entry.experiment_id}/runs/{entry.run_id}?" in version.description
    for check in (*quantized.checks, *(found for found in report.checks if found.subject == _QUANTIZED)):
        assert f"- **{check.name}** passed. {check.words}" in version.description
        assert version.tags[f"gate.{check.name}"] == "passed"
    assert product.decision() in version.description
    assert version.tags["compression.decided_by"] == decided.run_id


def test_from_a_version_mlflow_alone_leads_to_run_gates_and_data(recipe: Path, client: MlflowClient) -> None:
    version = client.get_model_version_by_alias("tiny", "champion")
    assert version.run_id is not None
    run = client.get_run(version.run_id)
    assert run.data.tags["compression.asset"] == _QUANTIZED
    assert run.data.tags["dagster.data_version"] == version.tags["compression.digest"]
    data = client.get_run(version.tags["compression.dataset_run_id"])
    assert data.data.tags["dagster.data_version"] == version.tags["compression.dataset_digest"]
    loaded = json.loads(run.data.tags[f"mlflow.compression.input.{data.info.run_id}"])
    assert data.data.tags["dagster.data_version"] == loaded["digest"]
    gates = {name for name in version.tags if name.startswith("gate.")}
    assert gates == {
        "gate.onnx_parity", "gate.integer_kernels", "gate.accuracy_drop_int8", "gate.compression_int8",
    }  # fmt: skip


def test_the_decisions_run_says_what_was_decided_on_what(recipe: Path, client: MlflowClient, tmp_path: Path) -> None:
    entry = product.entry("champion")
    run = client.get_run(entry.run_id)
    assert run.info.status == "FINISHED"
    decision = json.loads(Path(client.download_artifacts(entry.run_id, "decision.json", str(tmp_path))).read_text())
    assert decision["candidate"] == _QUANTIZED
    assert decision["promoted"] is True
    assert decision["words"] == product.decision()
    for name in ("dataset", "measurements", _QUANTIZED):
        assert (
            f"[{name}](#/experiments/{entry.experiment_id}/runs/{product.entry(name).run_id}"
            in run.data.tags["mlflow.note.content"]
        )
    assert [item.model_id for item in run.inputs.model_inputs] == [product.entry(_QUANTIZED).model_id]


def test_the_registered_onnx_file_says_what_it_is(recipe: Path) -> None:
    registry = Registry(homes.current(), "tiny")
    version = registry.champion()
    assert version is not None
    entry, pipeline = product.entry(_QUANTIZED), product.pipeline()
    found = metadata.read(onnx.load(registry.download(version) / "model.onnx"))
    assert (found.recipe, found.asset, found.digest, found.run_id) == (
        "tiny", _QUANTIZED, entry.digest, entry.run_id,
    )  # fmt: skip
    data = json.loads((pipeline.store.fetch(product.entry("dataset").artifact) / "dataset.json").read_text())
    assert list(found.description.classes) == data["classes"]
    assert list(found.description.mean) == data["mean"]
    assert list(found.description.std) == data["std"]
    own = onnx.load(pipeline.store.fetch(entry.artifact) / "model.onnx")
    assert metadata.content(own) == metadata.content(onnx.load(registry.download(version) / "model.onnx")), (
        "the registered graph and weights are those of the artifact"
    )
