"""MLflow's local database: created once, whatever number of processes start together."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.lineage import connection as connection_module
from pipelines.lineage.database.faults import TrackingUnavailable
from pipelines.state.home import Home
from tests.conftest import REPOSITORY

_OPEN = """
import sys
from pathlib import Path
from pipelines.lineage import connection
from pipelines.state.home import Home
client = connection.client(Home(Path(sys.argv[1])))
run = client.create_run("0")
for step in range(20):
    client.log_metric(run.info.run_id, "m", step, step=step)
client.set_terminated(run.info.run_id)
"""


@pytest.mark.slow
def test_four_processes_that_start_together_on_nothing_all_succeed(bare_home: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN, str(bare_home)], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    with sqlite3.connect(bare_home / "mlflow" / "mlflow.db") as database:
        assert database.execute("select count(*) from runs where status = 'FINISHED'").fetchone() == (4,)
        assert database.execute("select count(*) from metrics").fetchone() == (80,)
        assert database.execute("pragma journal_mode").fetchone() == ("wal",)
    assert not list((bare_home / "mlflow").glob("*.new*"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("garbage", ["is damaged: file is not a database", "move it away"]),
        ("newer", ["is of another version than MLflow", "install the version of MLflow that wrote it"]),
        ("older", ["is of another version than MLflow", "mlflow db upgrade sqlite:///"]),
    ],
)
def test_a_database_that_cannot_be_used_is_told_with_the_cure(damage: str, words: list[str], home: Path) -> None:
    database = home / "mlflow" / "mlflow.db"
    if damage == "garbage":
        database.write_bytes(b"no database" * 1000)
    else:
        revision = {"newer": "ffffffffffff", "older": "cc1f77228345"}[damage]
        with sqlite3.connect(database) as connection:
            connection.execute("update alembic_version set version_num = ?", (revision,))
    with pytest.raises(CompressionError) as caught:
        connection_module.client(Home(home))
    assert all(part in str(caught.value) for part in words), str(caught.value)
    assert not isinstance(caught.value, TrackingUnavailable), "trying again would not help"


@pytest.mark.slow
def test_what_a_removed_database_left_behind_is_not_taken_for_the_new_ones(home: Path) -> None:
    database = home / "mlflow" / "mlflow.db"
    database.unlink()
    for end in ("-wal", "-shm"):
        Path(f"{database}{end}").write_bytes(b"of another database")
    connection_module.prepare(Home(home))
    with sqlite3.connect(database) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        assert connection.execute("select count(*) from experiments").fetchone() == (1,)


def test_a_folder_that_no_address_of_a_database_can_name_is_refused(bare_home: Path) -> None:
    with pytest.raises(CompressionError, match="set COMPRESSION_HOME to a folder without"):
        connection_module.prepare(Home(bare_home / "100%"))


def test_so_is_one_that_a_home_was_renamed_to(home: Path) -> None:
    renamed = home.with_name("home %41")
    home.rename(renamed)
    assert Home(renamed).own_database.exists()
    with pytest.raises(CompressionError, match="a home may be moved or renamed"):
        connection_module.prepare(Home(renamed))


@pytest.mark.slow
def test_a_server_that_is_not_there_is_told_within_seconds(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound, but nobody listens
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        started = time.monotonic()
        with pytest.raises(TrackingUnavailable, match="start the server that MLFLOW_TRACKING_URI names"):
            connection_module.client(Home(bare_home))
        assert time.monotonic() - started < 30
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
