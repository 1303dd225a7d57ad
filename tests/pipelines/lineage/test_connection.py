"""MLflow's local database: created once, whatever number of processes start together."""

import sqlite3
import subprocess
import sys
from pathlib import Path

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
