"""The Dagster instance of a home: its folder and settings, and what killed processes left in it."""

import os
import platform
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from ruamel.yaml import YAML

from pipelines.lineage import environment
from pipelines.state.home import Home

# Tags of a run that a command computes in its own process.
HOST, PROCESS = "compression/host", "compression/process"

_NOT_KEPT = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
_INSTANCE_SETTINGS = """\
# Written once; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
# A pool is what one machine can do at a time: no two trainings, and no benchmark beside a training.
concurrency:
  pools:
    default_limit: 1
    granularity: op
# Frees what a killed run held.
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 30
"""


def folder(home: Home) -> str:
    """The folder of the Dagster instance: `DAGSTER_HOME`, or the product's own, created if missing."""
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return configured
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        settings.write_text(_INSTANCE_SETTINGS)
    return str(home.dagster)


@contextmanager
def opened(home: Home) -> Generator[dg.DagsterInstance]:
    """The Dagster instance on which the UI runs, for a command's own use.

    What stages print goes to the command's terminal: Dagster would start four processes a stage to keep it in files,
    too. Where `dagster.yaml` says where such output is kept, it is kept.
    """
    path = folder(home)
    file = Path(path, "dagster.yaml")
    settings: Any = YAML(typ="safe").load(file) if file.exists() else None
    overrides: Any = {} if "compute_logs" in (settings or {}) else {"compute_logs": _NOT_KEPT}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(path, overrides=overrides)) as instance:
        _close_orphans(instance)
        yield instance


def _close_orphans(on: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process on this machine is gone, and free the pools that they held."""
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in on.get_runs(unfinished):
        process, host = run.tags.get(PROCESS), run.tags.get(HOST)
        if process and host == platform.node() and not environment.is_alive(process):
            on.report_run_failed(run, "The process that computed this ended before the run did.")
            on.event_log_storage.free_concurrency_slots_for_run(run.run_id)
