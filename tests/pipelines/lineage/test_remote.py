"""A tracking server at another address records what the local database does."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lineage import connection
from pipelines.state import home as homes
from tests.pipelines import mlflow_process, product

pytestmark = pytest.mark.slow


@pytest.fixture
def address(tmp_path: Path, bare_home: Path) -> Iterator[str]:
    """`mlflow server` with nothing recorded."""
    command = ["server", "--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--serve-artifacts", "--artifacts-destination", str(tmp_path / "served")]
    with mlflow_process.served(command, "/health", tmp_path, os.environ) as address:
        yield address


def test_a_run_at_a_server_has_its_tags_its_ancestry_and_its_champion(
    address: str, defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert len(product.computed()) == 9
    client = connection.client(homes.current())
    history = product.pipeline().history
    student, labels = (history.latest("tiny", name) for name in ("student/small", "soft_labels"))
    assert student is not None
    assert labels is not None
    tags = client.get_run(student.run_id).data.tags
    assert len([tag for tag in tags if not tag.startswith("mlflow.")]) <= 12
    link = f"- [soft_labels](#/experiments/{labels.experiment_id}/runs/{labels.run_id}?workflowType=machine_learning)"
    assert tags["mlflow.note.content"].startswith(link)
    version = client.get_model_version_by_alias("tiny", "champion")
    assert version.description is not None
    assert link.removeprefix("- ") in version.description
