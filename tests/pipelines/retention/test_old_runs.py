"""Dagster's old runs go with their files, and what says what an asset is stays."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from pipelines.orchestration import instance as instances
from pipelines.orchestration.jobs import old_runs, snapshots
from pipelines.state.home import Home

_A, _B = dg.AssetKey("a"), dg.AssetKey("b")


@dg.asset
def a() -> int:
    return 1


@dg.asset
def b() -> int:
    raise ValueError("never")


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with instances.opened(Home(tmp_path / "home")) as opened:
        yield opened


def _run(on: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> str:
    result = dg.materialize(assets, instance=on, raise_on_error=False)
    storage = Path(on.root_directory) / "storage" / result.run_id
    storage.mkdir(parents=True, exist_ok=True)
    (storage / "printed").write_text("x" * 1000)
    return result.run_id


def _removed(on: dg.DagsterInstance, since: float, size: int = 1000) -> int:
    (pile,) = old_runs.piles(Home(Path(on.root_directory).parent), on, since)
    assert pile.bytes >= size * pile.number
    pile.remove()
    return pile.number


def _files(on: dg.DagsterInstance) -> set[str]:
    root = Path(on.root_directory)
    return {path.name[:36] for path in (*root.glob("history/runs/*-*.db*"), *root.glob("storage/*-*"))}


def test_a_run_goes_with_all_its_files_once_nothing_is_what_it_is_by_it(on: dg.DagsterInstance) -> None:
    first, failed, second = _run(on, a), _run(on, b), _run(on, a)
    assert _removed(on, time.time() - 3600) == 0, "they are young"
    assert _removed(on, time.time() + 1) == 1
    assert {run.run_id for run in on.get_runs()} == {failed, second}, "the last try of b tells that it failed"
    assert _files(on) == {failed, second}
    assert first not in _files(on)
    newest = on.get_latest_materialization_event(_A)
    assert newest is not None
    assert newest.run_id == second
    assert on.get_asset_records([_B])[0].asset_entry.last_run_id == failed
    records = on.fetch_materializations(_A, limit=10).records
    assert [record.run_id for record in records] == [second]


def test_a_run_in_progress_stays_however_long_it_takes(on: dg.DagsterInstance) -> None:
    job = dg.define_asset_job("job", [_A]).resolve(asset_graph=dg.Definitions([a]).resolve_asset_graph())
    begun = on.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert _removed(on, time.time() + 1) == 0
    assert on.get_run_by_id(begun.run_id) is not None


def test_the_databases_give_back_what_they_do_not_use(on: dg.DagsterInstance) -> None:
    for _ in range(3):
        _run(on, a)
    index = Path(on.root_directory) / "history" / "runs" / "index.db"
    with sqlite3.connect(index) as found:
        found.execute("CREATE TABLE filling (text)")
        found.executemany("INSERT INTO filling VALUES (?)", [("x" * 1000,)] * 2000)
    with sqlite3.connect(index) as found:
        found.execute("DROP TABLE filling")
        found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = index.stat().st_size
    assert _removed(on, time.time() + 1) == 2
    assert index.stat().st_size < before / 2
    snapshots: Callable[[str], int] = lambda where: found.execute(f"SELECT count(*) FROM {where}").fetchone()[0]  # noqa: E731
    with sqlite3.connect(Path(on.root_directory) / "history" / "runs.db") as found:
        assert snapshots("snapshots") == 2, "of the job, and of its plan"
        assert snapshots("runs") == 1
        assert snapshots("run_tags WHERE run_id NOT IN (SELECT run_id FROM runs)") == 0
    assert _run(on, a) in {run.run_id for run in on.get_runs()}, "and Dagster goes on"


def _job(name: str) -> dg.JobDefinition:
    @dg.op
    def one() -> None: ...

    @dg.op
    def two() -> None: ...

    @dg.job(name=name)
    def job() -> None:
        one()
        two()

    return job


def _snapshots(on: dg.DagsterInstance) -> set[str]:
    with sqlite3.connect(Path(on.root_directory) / "history" / "runs.db") as found:
        return {str(row[0]) for row in found.execute("SELECT snapshot_id FROM snapshots")}


def test_a_job_goes_with_its_last_run_but_not_one_that_a_run_to_come_or_a_part_of_it_needs(
    on: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_GRACE", -3600.0)
    job, lone = _job("whole"), _job("other")
    begun = job.get_subset(op_selection=["one"])
    on.run_storage.add_job_snapshot(lone.get_job_snapshot())  # of a run that is about to be made
    held = on.create_run_for_job(begun, status=dg.DagsterRunStatus.STARTED)
    ended = [on.create_run_for_job(each, status=dg.DagsterRunStatus.SUCCESS) for each in (job, begun)]
    assert held.job_snapshot_id != ended[0].job_snapshot_id
    plan = ended[0].execution_plan_snapshot_id
    before = _snapshots(on)
    assert _removed(on, time.time() + 1, size=0) == 2
    assert before - _snapshots(on) == {plan}, "the part that goes on names the whole"
    on.run_storage.delete_run(held.run_id)
    done = on.create_run_for_job(begun, status=dg.DagsterRunStatus.SUCCESS)
    assert _removed(on, time.time() + 1, size=0) == 1
    assert _snapshots(on) == {lone.get_job_snapshot_id()}, done.run_id


def test_what_a_run_of_the_last_hour_was_of_stays(on: dg.DagsterInstance) -> None:
    job = _job("job")
    ended = on.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
    assert _removed(on, time.time() + 1, size=0) == 1
    assert {ended.job_snapshot_id, ended.execution_plan_snapshot_id} <= _snapshots(on)
