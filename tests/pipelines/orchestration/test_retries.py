"""Transient faults are tried again, all others once; stages of the pool never overlap; a killed run holds no slot."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from mlflow.exceptions import MlflowException

from compression_ops.errors import CompressionError
from pipelines.lineage.database.faults import TrackingUnavailable
from pipelines.orchestration import assets, keys, retries
from pipelines.orchestration import instance as instances
from pipelines.state import home as homes
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_STUDENT
from tests.pipelines.ticks import before_stage


def _caused_by(cause: Exception) -> Exception:
    error = CompressionError("the stage failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("peer"),
        TimeoutError("read"),
        OSError(errno.EIO, "input/output error"),
        OSError(errno.ENETUNREACH, "network is unreachable"),
        sqlite3.OperationalError("database is locked"),
        TrackingUnavailable("no answer"),
        MlflowException("API request failed: HTTPConnectionPool: Max retries exceeded with url: /api"),
        MlflowException("API request to endpoint failed with error code 503 != 200"),
        _caused_by(ConnectionRefusedError("localhost:5000")),
    ],
    ids=repr,
)
def test_a_fault_that_may_pass_is_transient(error: Exception) -> None:
    assert retries.is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        CompressionError("the loss is not finite: lower learning_rate"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "permission denied"),
        OSError(errno.ENOSPC, "no space left on device"),
        sqlite3.OperationalError("no such table: runs"),
        MlflowException("Invalid parameter value"),
        MemoryError(),
    ],
    ids=repr,
)
def test_a_fault_that_stays_is_not(error: Exception) -> None:
    assert not retries.is_transient(error)


class Faulty:
    """The stage of the student, which raises one of its errors at each of its first attempts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.attempts = 0
        self._errors = errors
        monkeypatch.setattr(retries, "RETRIES", dg.RetryPolicy(max_retries=retries.RETRIES.max_retries, delay=0.01))
        before_stage(monkeypatch, "student/small", self._attempt)

    def _attempt(self) -> None:
        self.attempts += 1
        if self.attempts <= len(self._errors):
            raise self._errors[self.attempts - 1]


@pytest.mark.slow
def test_a_stage_that_meets_a_transient_fault_succeeds_on_its_second_try_within_the_run(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Faulty(monkeypatch, ConnectionError("the tracking server went away"))
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    before = _runs()
    assert product.computed() == AFTER_STUDENT
    assert faulty.attempts == 2
    assert _runs() == before + 1


def test_a_fault_that_does_not_pass_is_tried_three_times_and_then_fails_the_run(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Faulty(monkeypatch, *[ConnectionError("the tracking server went away")] * 9)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    report = product.runner.run(product.pipeline())
    assert report.named("failed") == ["student/small"]
    assert set(report.named("skipped")) == AFTER_STUDENT - {"student/small"}
    assert faulty.attempts == 3
    assert [item.cause for item in report.outcomes if item.cause] == ["ConnectionError: the tracking server went away"]


@pytest.mark.parametrize(
    ("error", "words"),
    [(ValueError("a bug"), "ValueError: a bug"), (CompressionError("lower learning_rate"), "lower learning_rate")],
)
def test_any_other_fault_is_tried_once(
    error: Exception, words: str, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Faulty(monkeypatch, error)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    report = product.runner.run(product.pipeline())
    assert report.named("failed") == ["student/small"]
    assert faulty.attempts == 1
    assert [item.cause for item in report.outcomes if item.cause] == [words]


@pytest.mark.slow
def test_two_commands_at_once_never_run_two_stages_of_the_pool_at_a_time(recipe: Path, defs: Path) -> None:
    product.edit(recipe, "seed: 0\n  soft_labels", "seed: 1\n  soft_labels")
    recipes.write(defs, "twin", recipe.read_text().replace("seed: 1\n  soft_labels", "seed: 2\n  soft_labels"))
    known = _run_ids()
    commands = [_command(name, "--select", "student/small") for name in ("tiny", "twin")]
    assert [command.wait(timeout=240) for command in commands] == [0, 0]
    with instances.opened(homes.current()) as instance:
        records = [record for record in instance.get_run_records() if record.dagster_run.run_id not in known]
        first, second = (_stages(instance, record.dagster_run) for record in records)
    began, ended = max(record.start_time or 0 for record in records), min(record.end_time or 0 for record in records)
    assert began < ended, "the two runs were in flight together"
    assert set(first) == set(second) == {"teacher", "soft_labels", "student/small"}
    for name, (start, end) in first.items():
        for other, (other_start, other_end) in second.items():
            assert end <= other_start or other_end <= start, f"{name} and {other} ran at a time"


@pytest.mark.slow
def test_who_waits_for_the_machine_is_told_for_whom_and_goes_on_once_that_was_killed(recipe: Path, defs: Path) -> None:
    product.edit(recipe, "epochs: 1 ", "epochs: 2000 ")
    recipes.write(defs, "twin", recipe.read_text().replace("epochs: 2000 ", "epochs: 2 "))
    command = _command("tiny")
    with instances.opened(homes.current()) as instance:
        _await(lambda: _slots_taken(instance) == 1)
        (running,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        other = _command("twin", "--select", "teacher", stderr=subprocess.PIPE)
        assert other.stderr is not None
        told = next(line for line in map(bytes.decode, other.stderr) if "waits" in line)
        expected = f"teacher: waits for run {running.run_id[:8]}, whose tiny__teacher has this machine"
        assert told == f"{expected} (process {command.pid})\n"
        command.send_signal(signal.SIGKILL)
        command.wait()
        assert _slots_taken(instance) == 1, "the kill left it taken"
        assert other.wait(timeout=120) == 0
        assert _slots_taken(instance) == 0
        killed = instance.get_run_by_id(running.run_id)
        assert killed is not None
        assert killed.status == dg.DagsterRunStatus.FAILURE


@pytest.mark.slow
def test_a_run_in_flight_is_not_taken_for_a_killed_one(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[dg.DagsterRunStatus] = []

    def look() -> None:
        with instances.opened(homes.current()) as instance:
            statuses.extend(run.status for run in instance.get_runs(limit=1))

    before_stage(monkeypatch, "student/small", look)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert product.computed() == AFTER_STUDENT
    assert statuses == [dg.DagsterRunStatus.STARTED]


def _command(*arguments: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines.cli.main", "run", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"PYTHONWARNINGS": "ignore"}, stderr=stderr)


def _run_ids() -> set[str]:
    with instances.opened(homes.current()) as instance:
        return {run.run_id for run in instance.get_runs()}


def _runs() -> int:
    return len(_run_ids())


def _stages(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, tuple[float, float]]:
    """{asset: when its step began and ended} of the stages that take the whole machine."""
    graph = product.pipeline(run.tags["compression/recipe"]).graph
    assets = keys.names(graph)
    names = {key.to_python_identifier(): assets[key] for key in run.asset_selection or ()}
    began, ended = (
        {names[str(entry.step_key)]: entry.timestamp for entry in instance.all_logs(run.run_id, of_type=kind)}
        for kind in (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS)
    )
    return {name: (began[name], ended[name]) for name in began if graph.assets[name].is_heavy}


def _slots_taken(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info(assets.POOL).active_slot_count


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
