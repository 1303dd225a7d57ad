"""Materializes assets in this process as one Dagster run, on the instance that the UI shows."""

import os
import platform
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import dagster as dg

from pipelines.execution import inputs
from pipelines.execution.side_by_side import ahead
from pipelines.lineage import environment
from pipelines.orchestration import assets, interrupts
from pipelines.orchestration.instance import HOST, PROCESS
from pipelines.orchestration.keys import key
from pipelines.pipeline import Pipeline

_CHECK_FAILED = "DagsterAssetCheckFailedError"


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, and the cause of each failure by asset."""

    run_id: str
    failures: Mapping[str, str]


def materialize(pipeline: Pipeline, names: Sequence[str], on: dg.DagsterInstance) -> RunResult:
    """Materialize the named assets in one run; whatever does not depend on a failed one is still computed.

    Raises KeyboardInterrupt at SIGINT or SIGTERM; the run is then canceled.
    """
    definitions = assets.definitions(pipeline)
    keys = {key(pipeline.recipe, name): name for name in names}
    run_id = str(uuid.uuid4())
    with closing(ahead), interrupts.obeyed(partial(_cancel, on, run_id)):
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=on,
            asset_selection=list(keys),
            raise_on_error=False,
            run_id=run_id,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "compression/recipe": pipeline.recipe,
                HOST: platform.node(),
                PROCESS: environment.process_identity(os.getpid()),
            },
        )
    steps = {found.to_python_identifier(): name for found, name in keys.items()}
    failures: dict[str, str] = {}
    for event in _failures(result):
        error = event.step_failure_data.error
        name = steps[str(event.step_key)]
        failures[name] = _gate(pipeline, name) if error and error.cls_name == _CHECK_FAILED else cause(event)
    return RunResult(result.run_id, failures)


def _cancel(on: dg.DagsterInstance, run_id: str) -> None:
    """Mark a run that was interrupted as canceled, and free the pools that it held."""
    run = on.get_run_by_id(run_id)
    if run is not None and run.status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED):
        on.report_run_canceled(run, "interrupted; what was computed so far is kept")
    on.event_log_storage.free_concurrency_slots_for_run(run_id)


def _gate(pipeline: Pipeline, name: str) -> str:
    """Why nothing may be made from a result that was computed."""
    entry = pipeline.latest(name)
    assert entry is not None, "its check failed, so it was materialized"
    return " ".join(check.words for check in entry.blocked) + f"\n  {inputs.cure(entry)}"


def _failures(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.is_step_failure]


def cause(event: dg.DagsterEvent) -> str:
    """Why a step failed: in our own words where there are some, else in those of the innermost error."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed without a cause"
