"""Dagster's runs and ticks that are older than the retention: Dagster itself keeps every run for good.

A run goes with its events, its own sqlite file and what it printed. One that says what an asset is stays however old:
the newest materialization, observation or try of each. The job that a run was of goes with the last run of it.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from pipelines.orchestration.jobs import snapshots
from pipelines.retention.pile import Pile, size
from pipelines.state.home import Home

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PAGE = 500
_AT_ONCE = 50  # whose events are deleted in one transaction, during which nobody else writes
_TICKS = (TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE)
_PATIENCE = 5.0  # seconds until a database that another process writes is free
_WORTH = 0.25  # of a database that is unused: then its file is written anew
_PAGES = ("page_count", "freelist_count")


def piles(home: Home, on: dg.DagsterInstance, since: float) -> list[Pile]:
    """What ended before `since`, seconds since 1970."""
    runs = _runs(on, since)
    folder = Path(on.root_directory) if on.root_directory else home.dagster
    files = _Files(folder)
    taken = sum(size(path) for run_id in runs for path in files.of(run_id))

    def remove() -> None:
        file, referred = folder / "history" / "runs.db", set[str]()
        with suppress(sqlite3.Error):  # of a file that is in use: what nobody refers to stays
            referred = snapshots.of_runs(on, file, runs)
        _delete(on, runs, folder)
        _purge_ticks(on, since)
        if referred:
            with suppress(sqlite3.Error), closing(_connected(file)) as found:
                snapshots.remove(on, found, referred)
        _compact(folder)

    return [Pile("runs in Dagster", len(runs), taken, remove)]


def _delete(on: dg.DagsterInstance, runs: Sequence[str], folder: Path) -> None:
    """The run itself last: one that a kill leaves half is found again. Of sqlite's files the one that all runs share is
    opened once, and the run's own is not opened to be emptied.
    """
    events, files = on.event_log_storage, _Files(folder)
    if not isinstance(events, SqliteEventLogStorage):
        for run_id in runs:
            on.delete_run(run_id)
        return
    for first in range(0, len(runs), _AT_ONCE):
        portion = runs[first : first + _AT_ONCE]
        with events.index_connection() as connection:
            for run_id in portion:
                events.delete_events_for_run(connection, run_id)
        for run_id in portion:
            for path in files.of(run_id):
                with suppress(FileNotFoundError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            on.run_storage.delete_run(run_id)


def _runs(on: dg.DagsterInstance, since: float) -> list[str]:
    before = datetime.fromtimestamp(since, UTC)
    kept = set(_of_assets(on))
    found: list[str] = []
    cursor = None
    while True:
        page = on.get_run_records(dg.RunsFilter(statuses=_ENDED, updated_before=before), limit=_PAGE, cursor=cursor)
        found += [record.dagster_run.run_id for record in page if record.dagster_run.run_id not in kept]
        if len(page) < _PAGE:
            return found
        cursor = page[-1].dagster_run.run_id


def _of_assets(on: dg.DagsterInstance) -> Iterator[str]:
    """The runs that say what an asset is, and what became of the last try."""
    keys: Sequence[dg.AssetKey] = on.all_asset_keys()
    for first in range(0, len(keys), _PAGE):
        for record in on.get_asset_records(keys[first : first + _PAGE]):
            entry = record.asset_entry
            for found in (entry.last_materialization_record, entry.last_observation_record):
                if found is not None:
                    yield found.run_id
            yield from filter(None, (entry.last_run_id, entry.last_planned_materialization_run_id))


class _Files:
    """What lies on this machine of each run: its own database, and what its steps printed."""

    def __init__(self, folder: Path) -> None:
        """The databases of all runs lie in one folder, which is listed once."""
        self._folder = folder
        self._databases: dict[str, list[Path]] = {}
        for path in sorted((folder / "history" / "runs").glob("*.db*")):
            self._databases.setdefault(path.name.partition(".")[0], []).append(path)

    def of(self, run_id: str) -> list[Path]:
        """Those of a run."""
        printed = self._folder / "storage" / run_id
        return [*self._databases.get(run_id, ()), *([printed] if printed.exists() else [])]


def _purge_ticks(on: dg.DagsterInstance, since: float) -> None:
    for state in on.all_instigator_state():
        on.purge_ticks(state.instigator_origin_id, state.selector_id, before=since, tick_statuses=_TICKS)


def _compact(folder: Path) -> None:
    """Give the disk back what sqlite's files do not use any more; those that are in use are left as they are."""
    files = (*folder.glob("history/*.db"), folder / "history" / "runs" / "index.db", *folder.glob("schedules/*.db"))
    for file in filter(Path.exists, files):
        with suppress(sqlite3.Error), closing(_connected(file)) as found:
            pages, free = (found.execute(f"PRAGMA {name}").fetchone()[0] for name in _PAGES)
            if free > _WORTH * pages:
                found.execute("VACUUM")
                found.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)
