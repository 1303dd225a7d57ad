"""A user's stop is obeyed: a real signal to a real `compression run`, and a real *Terminate* of a run in Dagster."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.lineage import connection
from pipelines.orchestration import instance
from pipelines.state import home as homes
from pipelines.state.history import History
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes
from tests.pipelines.dagster_server import served

# So many epochs that the teacher would train for hours.
_ENDLESS = recipes.edited(("epochs: 1  #", "epochs: 10000  #"))


@pytest.fixture
def training(home: Path, defs: Path) -> Iterator[subprocess.Popen[str]]:
    """`compression run` while its teacher trains, in a process group of its own."""
    recipes.write(defs, text=_ENDLESS)
    command = [sys.executable, "-m", "pipelines.cli.main", "run", "tiny"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("teacher: epoch"):
            break
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _signal(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def _mark_as_canceled(process: subprocess.Popen[str]) -> None:
    """As Dagster's UI does with a run whose process it does not reach."""
    with instance.opened(homes.current()) as opened:
        (run,) = opened.get_runs()
        opened.report_run_canceled(run)


@pytest.mark.parametrize(
    ("stop", "code"), [(_signal, 130), pytest.param(_mark_as_canceled, 143, marks=pytest.mark.slow)]
)
def test_a_stop_ends_a_run_in_words_and_keeps_what_was_computed(
    stop: Callable[[subprocess.Popen[str]], None], code: int, training: subprocess.Popen[str], home: Path, defs: Path
) -> None:
    stop(training)
    _, errors = training.communicate(timeout=20)
    assert training.returncode == code
    assert "interrupted; what was computed so far is kept" in errors
    assert "Traceback" not in errors
    history = History(home / "history")
    assert history.latest("tiny", "dataset") is not None
    assert history.latest("tiny", "teacher") is None
    recipes.write(defs)
    assert "dataset" in product.run().named("reused"), "the next run goes on where it was stopped"


# In a process of its own: it is stopped by a signal to all of the process.
_MARKED = """
import time
import dagster as dg
from pipelines.orchestration import interrupts
from pipelines.orchestration.executors.steps import canceled

canceled.LOOK = 0.01
with dg.DagsterInstance.local_temp() as opened:
    run = opened.create_run_for_job(dg.GraphDefinition("nothing").to_job())
    with interrupts.raised(), canceled.obeyed(opened, run.run_id):
        canceled.require_not(opened, run.run_id)
        time.sleep(0.1)
    opened.report_run_canceled(run)
    for block in (lambda: time.sleep(10), lambda: canceled.require_not(opened, run.run_id)):
        try:
            with interrupts.raised(), canceled.obeyed(opened, run.run_id):
                block()
        except KeyboardInterrupt:
            print("stopped")
"""


def test_a_process_whose_run_is_marked_as_canceled_is_stopped() -> None:
    assert _printed(_MARKED).stdout == "stopped\nstopped\n"


@pytest.mark.slow
def test_a_run_that_is_terminated_in_the_ui_ends_and_is_not_tried_again(home: Path, defs: Path) -> None:
    recipes.write(defs, text=_ENDLESS)
    with served() as server:
        run_id = server.launch({"dataset", "teacher"})
        server.wait(lambda: any("teacher: epoch" in words for words in server.messages(run_id)), "the teacher to train")
        server.terminate(run_id)
        server.wait(lambda: server.status(run_id) == "CANCELED", "the run to be canceled")
        assert server.starts(run_id) == ["tiny__dataset", "tiny__teacher"], "neither was tried again"
    client = connection.client(homes.current())
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`compression.asset` = 'teacher'")
    assert run.info.status == "KILLED"


_WHILE_CLOSING = """
import signal, sqlite3
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from pipelines.orchestration import interrupts


class Interrupted(sqlite3.Connection):
    def close(self):
        super().close()
        signal.raise_signal(signal.SIGINT)


interrupts.listen()
opened = lambda: sqlite3.connect(":memory:", factory=Interrupted)
engine = create_engine("sqlite://", poolclass=NullPool, creator=opened)
try:
    with engine.connect() as connection:
        connection.execute(text("select 1"))
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_stop_while_a_database_is_closed_ends_without_a_traceback() -> None:
    found = _printed(_WHILE_CLOSING)
    assert found.stdout == "stopped\n"
    assert found.stderr == ""


def _printed(code: str) -> subprocess.CompletedProcess[str]:
    """What a process prints that ran this code to its end."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stderr
    return found
