"""The Dagster instance of a home: its folder and settings, and what killed processes left in it."""

import logging
import os
import platform
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX
from filelock import FileLock
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from compression_ops.errors import CompressionError
from pipelines.lineage import environment
from pipelines.state import atomic
from pipelines.state.home import Home
from pipelines.state.journal import journal
from pipelines.state.versions import dagster_settings, version

# Tags of a run that a command computes in its own process, which Dagster's pages do not show. One that Dagster executes
# again gets a copy of all of them.
HOST, PROCESS, RUN = (f"{HIDDEN_TAG_PREFIX}compression_{name}" for name in ("host", "process", "run"))
_FORMER = {HOST: "compression/host", PROCESS: "compression/process", RUN: "compression/run"}  # to 1.0.0

_FILE = "dagster.yaml"
_BEATS = 90.0  # seconds: three of the heartbeats of Dagster's daemon
_SHOWN = 300  # characters of Dagster's own words
_NOT_KEPT = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
_CURE = "mend it, or remove it: then it is written anew, as it was at first"
_SHARED = f"""\
# Runs, events, schedules and pools are those of all homes that share this database.
storage:
  postgres:
    postgres_url:
      env: {journal.SETTING}
"""


def tags(run_id: str) -> dict[str, str]:
    """Who executes a run: this process."""
    return {HOST: platform.node(), PROCESS: environment.process_identity(os.getpid()), RUN: run_id}


def process(run: dg.DagsterRun) -> str | None:
    """The process of this machine whose command executes a run; None for one that a daemon, the UI or another machine
    executes, whatever tags were copied into it.
    """
    return _stated(run, PROCESS) if host(run) == platform.node() else None


def host(run: dg.DagsterRun) -> str | None:
    """The machine whose command executes a run; None as `process` says."""
    of_run = _stated(run, RUN)
    is_own = run.parent_run_id is None if of_run is None else of_run == run.run_id  # without it before 1.0.0
    return _stated(run, HOST) if is_own else None


def _stated(run: dg.DagsterRun, tag: str) -> str | None:
    return run.tags.get(tag, run.tags.get(_FORMER[tag]))


def settings() -> str:
    """What stands in the `dagster.yaml` of a home that is made now."""
    return dagster_settings.PRESENT + (_SHARED if journal.is_shared() else "")


def folder(home: Home) -> str:
    """The folder of the Dagster instance: `DAGSTER_HOME`, or the product's own, created if missing."""
    if home.dagster_in_use != home.dagster:
        return str(home.dagster_in_use)
    version.require(home)
    if not home.dagster.exists():
        with _alone(home):
            _create(home.dagster)
    if not (home.dagster / _FILE).exists():
        atomic.write(home.dagster / _FILE, settings().encode())
    return str(home.dagster)


def _create(folder: Path) -> None:
    """Settings and databases in a temporary folder, which is renamed: whole, or not there.

    Processes that make one of Dagster's sqlite files at once fail, and a process that is killed while it does leaves a
    file without tables, which Dagster takes for its database from then on.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    version.mark(Home(folder.parent))
    with FileLock(f"{folder}.lock"):
        if folder.exists():
            return
        temporary = folder.with_suffix(".new")
        if temporary.exists():  # of a process that was killed
            shutil.rmtree(temporary)
        temporary.mkdir()
        (temporary / _FILE).write_text(settings())
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(temporary), overrides={"compute_logs": _NOT_KEPT})):
            pass
        temporary.rename(folder)


@contextmanager
def opened(home: Home) -> Generator[dg.DagsterInstance]:
    """The Dagster instance on which the UI runs, for a command's own use.

    What stages print goes to the command's terminal: Dagster would start four processes a stage to keep it in files,
    too. Where `dagster.yaml` says where such output is kept, it is kept.
    """
    path = folder(home)
    stated = _settings(Path(path, _FILE))
    _compare(stated, Path(path, _FILE))
    logging.getLogger().addFilter(_in_one_line)
    overrides: Any = {} if "compute_logs" in stated else {"compute_logs": _NOT_KEPT}
    try:
        with _alone(home):
            opened = dg.DagsterInstance.from_ref(InstanceRef.from_dir(path, overrides=overrides))
    except (dg.DagsterInvalidConfigError, TypeError) as error:
        words = " ".join(str(error).split())
        raise CompressionError(
            f"{Path(path, _FILE)}: Dagster takes no such settings: {words[:_SHOWN]}\n  {_CURE}"
        ) from error
    with opened as instance:
        close_orphans(instance)
        yield instance


def daemon_age(home: Home) -> float | None:
    """Seconds since a daemon of a shared database was last alive; None for one that is gone, and for none."""
    if not journal.is_shared():
        return None
    with opened(home) as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    age = max(0.0, time.time() - max(beats, default=0.0))  # clocks of two machines
    return age if age < _BEATS else None


def _in_one_line(record: logging.LogRecord) -> bool:
    """What Dagster says at each of its tries to reach a database that is gone takes five lines."""
    if str(record.msg).startswith("Retrying failed database connection"):
        record.msg, record.args = "Dagster's database does not answer; trying again", ()
    return True


def _alone(home: Home) -> AbstractContextManager[None]:
    """One process at a time makes the tables of a database that homes share; those of a home have their own lock."""
    return home.journal.turn("dagster", lambda: None) if journal.is_shared() else nullcontext()


def _compare(stated: Mapping[str, Any], file: Path) -> None:
    """Say in words where a `dagster.yaml` was written under another setting of the shared state.

    Raises CompressionError where Dagster cannot be opened without it.
    """
    storage = stated.get("storage")
    if not journal.is_shared() and journal.SETTING in str(storage):
        raise CompressionError(
            f"{file} keeps Dagster's runs in the database of {journal.SETTING}, which is not set\n"
            f"  set it, or move {file.parent} away: then it is made anew, and knows no earlier run; no result is lost"
        )
    if journal.is_shared() and storage is None and "run_storage" not in stated:
        logging.getLogger("compression").warning(
            f"{file} keeps Dagster's runs on this machine, though {journal.SETTING} shares the rest: others do not see "
            f"them. Add to it\n{_SHARED}or move {file.parent} away: then it is made anew, and knows no earlier run"
        )


def _settings(file: Path) -> Mapping[str, Any]:
    """What stands in a `dagster.yaml`. Raises CompressionError if that is no YAML, or no mapping."""
    try:
        found: Any = YAML(typ="safe").load(file) if file.exists() else None
    except (YAMLError, UnicodeDecodeError) as error:
        raise CompressionError(f"{file} is no YAML: {' '.join(str(error).split())}\n  {_CURE}") from error
    if not isinstance(found or {}, Mapping):
        raise CompressionError(f"{file} holds {str(found)[:60]!r}, and no settings of Dagster's\n  {_CURE}")
    return found or {}


def close_orphans(on: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process on this machine is gone, and free the pools that they held."""
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in on.get_runs(unfinished):
        by = process(run)
        if by and not environment.is_alive(by):
            on.report_run_failed(run, "The process that computed this ended before the run did.")
            on.event_log_storage.free_concurrency_slots_for_run(run.run_id)
