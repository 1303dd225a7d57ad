"""Dagster's old runs go with their files, and what says what an asset is stays."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from pipelines.orchestration import instance as instances
from pipelines.orchestration.jobs import old_runs
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


def _removed(on: dg.DagsterInstance, since: float) -> int:
    (pile,) = old_runs.piles(Home(Path(on.root_directory).parent), on, since)
    assert pile.bytes >= 1000 * pile.number
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
