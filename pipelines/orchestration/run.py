"""Materializes assets as one Dagster run, on the instance that the UI shows: in this process, or in those of another
executor, for which it waits.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.execution.api import execute_run
from dagster._utils.error import SerializableErrorInfo

from compression_ops.errors import CompressionError
from pipelines.execution import inputs
from pipelines.execution.side_by_side import ahead
from pipelines.orchestration import assets, instance, interrupts
from pipelines.orchestration.executors import executor
from pipelines.orchestration.executors.steps import canceled, occupied
from pipelines.orchestration.jobs import search as searching
from pipelines.orchestration.keys import key
from pipelines.pipeline import Pipeline

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_STACK = "Stack Trace:"  # what Dagster quotes of another process's error goes on by
_BEFORE_STEPS_ARE_STOPPED = "Unexpected exception while steps were still in-progress"  # to stop them may fail as well
_SHOWN = 400  # characters of what ended a run


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, and the cause of each failure by asset."""

    run_id: str
    failures: Mapping[str, str]


def materialize(pipeline: Pipeline, names: Sequence[str], on: dg.DagsterInstance) -> RunResult:
    """Materialize the named assets in one run; whatever does not depend on a failed one is still computed.

    Raises KeyboardInterrupt at SIGINT or SIGTERM; the run is then canceled. Raises CompressionError for a run that
    failed though none of its assets did, as where an executor cannot begin one.
    """
    keys = {key(pipeline.recipe, name): name for name in names}
    run_id = str(uuid.uuid4())
    execute = _in_this_process if executor.chosen().is_alone else _elsewhere
    with interrupts.obeyed(partial(_cancel, on, run_id)) as stop, canceled.obeyed(on, run_id):
        failed = execute(pipeline, keys, on, run_id, stop)
        if not failed:
            _require_success(on, run_id)
    steps = {found.to_python_identifier(): name for found, name in keys.items()}
    failures: dict[str, str] = {}
    for event in failed:
        error = event.step_failure_data.error
        name = steps[str(event.step_key)]
        failures[name] = _gate(pipeline, name) if error and error.cls_name == _CHECK_FAILED else cause(event)
    return RunResult(run_id, failures)


_Stop = Callable[[], Any]


def _in_this_process(
    pipeline: Pipeline, names: Mapping[dg.AssetKey, str], on: dg.DagsterInstance, run_id: str, stop: _Stop
) -> list[dg.DagsterEvent]:
    job = assets.definitions(pipeline).resolve_implicit_global_asset_job_def()
    steps = {found.to_python_identifier(): name for found, name in names.items()}
    with closing(ahead), occupied.told(on, steps):
        result = job.execute_in_process(
            instance=on,
            asset_selection=list(names),
            raise_on_error=False,
            run_id=run_id,
            run_config=_QUIET,
            tags=_tags_of(pipeline, run_id),
        )
    return _failures(result)


def _elsewhere(
    pipeline: Pipeline, names: Mapping[dg.AssetKey, str], on: dg.DagsterInstance, run_id: str, stop: _Stop
) -> list[dg.DagsterEvent]:
    from pipelines.orchestration.executors.steps import job, relay

    executor.chosen().reach(on)
    recipe_job = job.reconstructable(pipeline).get_subset(asset_selection=frozenset(names))
    run = on.create_run_for_job(
        job_def=recipe_job.get_definition(),
        run_id=run_id,
        run_config=_QUIET,
        tags=_tags_of(pipeline, run_id),
        asset_selection=frozenset(names),
        job_code_origin=recipe_job.get_python_origin(),
    )
    with relay.followed(on, run_id, lambda: stop() is not None):
        try:
            execute_run(recipe_job, run, on, raise_on_error=False)
        except CompressionError:
            raise
        except Exception as error:  # an executor that cannot be made of its settings, or of what they name
            words = " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
            on.report_run_failed(run, words)
            raise CompressionError(f"the run could not begin: {words}") from error
    logged = on.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return [entry.dagster_event for entry in logged if entry.dagster_event is not None]


def _require_success(on: dg.DagsterInstance, run_id: str) -> None:
    """Raise CompressionError for a run that did not succeed, with the error that ended it."""
    run = on.get_run_by_id(run_id)
    if run is None or run.is_success:
        return
    types = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.ENGINE_EVENT}
    errors: list[SerializableErrorInfo] = []
    for entry in on.all_logs(run_id, of_type=types):
        event = entry.dagster_event
        if event is not None and (event.is_job_failure or str(event.message).startswith(_BEFORE_STEPS_ARE_STOPPED)):
            data = event.job_failure_data if event.is_job_failure else event.engine_event_data
            errors += [data.error] if data.error is not None else []
    words = _innermost(errors[0]).partition(_STACK)[0] if errors else "Dagster does not say why"
    raise CompressionError(
        f"the run ended as {run.status.value.lower()}, though no asset of it failed: "
        f"{' '.join(words.split())[:_SHOWN]}\n  what was computed is kept; mend the cause and run the same again"
    )


def search(pipeline: Pipeline, on: dg.DagsterInstance) -> None:
    """Run a recipe's search. Raises CompressionError with its cause if it fails, KeyboardInterrupt as `materialize`."""
    job = searching.job(pipeline)
    assert job is not None, "the recipe has a search"
    run_id = str(uuid.uuid4())
    names = {job.nodes[0].name: "search"}
    with interrupts.obeyed(partial(_cancel, on, run_id)), canceled.obeyed(on, run_id), occupied.told(on, names):
        result = job.execute_in_process(
            instance=on, raise_on_error=False, run_id=run_id, run_config=_QUIET, tags=instance.tags(run_id)
        )
    for event in _failures(result):
        raise CompressionError(cause(event))


def _tags_of(pipeline: Pipeline, run_id: str) -> dict[str, str]:
    return {"compression/recipe": pipeline.recipe, **instance.tags(run_id)}


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
    return _innermost(data.error) if data.error is not None else "failed without a cause"


def _innermost(error: SerializableErrorInfo) -> str:
    while error.cause is not None:
        error = error.cause
    return error.message.strip()
