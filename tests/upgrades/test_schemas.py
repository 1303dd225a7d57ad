"""Databases that a former release of MLflow or Dagster wrote."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.lineage import connection
from pipelines.orchestration import instance
from pipelines.state.home import Home
from tests.pipelines.cli.command import compression


def _of_former_mlflow(database: Path) -> str:
    """A database as MLflow made it one migration earlier, with an experiment in it; returns its revision."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils
    from mlflow.store.tracking.dbmodels.initial_models import Base

    database.parent.mkdir(parents=True)
    uri = f"sqlite:///{database}"
    config = utils._get_alembic_config(uri)
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_revision("head")
    assert head is not None
    former = str(head.down_revision)
    engine = utils.create_sqlalchemy_engine(uri)
    Base.metadata.create_all(engine)
    command.upgrade(config, former)
    engine.dispose()
    with closing(sqlite3.connect(database)) as found:
        columns = "experiment_id, name, artifact_location, lifecycle_stage"
        found.execute(f"INSERT INTO experiments ({columns}) VALUES (7, 'mine', 'x', 'active')")
        found.commit()
    return former


def _revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as found:
        return str(found.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.mark.slow
def test_mlflows_database_is_migrated_once_with_a_copy_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = Home(tmp_path / "home")
    former = _of_former_mlflow(home.own_database)
    found = connection.client(home).get_experiment("7")
    assert found.name == "mine"
    assert "MLflow was upgraded" in caplog.text
    kept = home.root / "former-mlflow" / f"{former}.db"
    assert _revision(kept) == former != _revision(home.own_database)
    caplog.clear()
    connection.client(home)
    assert not caplog.text


def test_a_database_of_another_dagster_is_told_with_the_command_that_migrates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("COMPRESSION_HOME", str(home))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = Path(instance.folder(Home(home)))
    with closing(sqlite3.connect(folder / "history" / "runs.db")) as found:
        found.execute("DROP INDEX idx_run_range")
        found.execute("ALTER TABLE runs DROP COLUMN update_timestamp")
    said = compression("gc", "--dry-run")
    assert said.returncode == 1
    assert "is of another version of Dagster: " in said.stderr
    assert f"DAGSTER_HOME={folder} dagster instance migrate" in said.stderr
    assert "Traceback" not in said.stderr
