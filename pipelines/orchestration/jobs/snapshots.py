"""What Dagster keeps of the jobs and plans that runs were of, in its sqlite file: it goes with the last run of it.

No snapshot says when it was made, and a run that begins takes one that is there. So only those go that runs referred to
which went, and none that a run of the last hour referred to.
"""

import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.snap import JobSnap

_GRACE = 3600.0  # seconds
_PATIENCE = 5.0  # seconds until a database that another process writes is free
_OF_RUNS = """
SELECT run_id, update_timestamp, snapshot_id, json_extract(run_body, '$.job_snapshot_id'),
  json_extract(run_body, '$.execution_plan_snapshot_id') FROM runs
"""


def of_runs(on: dg.DagsterInstance, file: Path, runs: Collection[str]) -> set[str]:
    """Those that runs refer to, and whose parts they are; nothing if the file is not there.

    Raises sqlite3.Error if it is none of Dagster's.
    """
    if not file.exists():
        return set()
    begun, gone = datetime.fromtimestamp(time.time() - _GRACE, UTC), frozenset(runs)
    with closing(sqlite3.connect(file, timeout=_PATIENCE)) as found:
        rows = found.execute(_OF_RUNS).fetchall()
    young = {each for _, moment, *ids in rows if _moment(moment) >= begun for each in ids}
    return _with_wholes(on, {each for run_id, _, *ids in rows if run_id in gone for each in ids if each} - young)


def remove(on: dg.DagsterInstance, found: sqlite3.Connection, candidates: Collection[str]) -> None:
    """Of the candidates those that neither a run nor a snapshot that stays refers to, all at once."""
    known = {str(row[0]) for row in found.execute("SELECT snapshot_id FROM snapshots")}
    others = _with_wholes(on, known.difference(candidates)) if candidates else set[str]()
    found.execute("BEGIN IMMEDIATE")
    try:
        needed = {each for _, _, *ids in found.execute(_OF_RUNS) for each in ids if each}
        going = set(candidates) - others - _with_wholes(on, needed)
        found.executemany("DELETE FROM snapshots WHERE snapshot_id = ?", [(each,) for each in sorted(going)])
        found.execute("COMMIT")
    except BaseException:
        found.execute("ROLLBACK")
        raise


def _with_wholes(on: dg.DagsterInstance, ids: Collection[str]) -> set[str]:
    """Snapshots of jobs, and those of the jobs that they are selections of, however far."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        body: object = on.run_storage.get_job_snapshot(each) if on.run_storage.has_job_snapshot(each) else None
        if isinstance(body, JobSnap) and body.lineage_snapshot is not None:  # the others are of plans
            waiting.append(body.lineage_snapshot.parent_snapshot_id)
    return found


def _moment(stated: str) -> datetime:
    return datetime.fromisoformat(stated).replace(tzinfo=UTC)
