"""Materializes assets in this process as one Dagster run, on the instance that the UI shows."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from pipelines import assets
from pipelines.home import Home
from pipelines.materialize import Workshop

_INSTANCE_SETTINGS = """\
# Written once; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
"""


@dataclass(frozen=True)
class RunResult:
    """A finished run: its id, and the cause of each failure by asset."""

    run_id: str
    failures: Mapping[str, str]


def dagster_home(home: Home) -> str:
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
def instance(home: Home) -> Generator[dg.DagsterInstance]:
    """The Dagster instance on which the UI runs."""
    with dg.DagsterInstance.from_config(dagster_home(home)) as opened:
        yield opened


def materialize(shop: Workshop, names: Sequence[str], on: dg.DagsterInstance) -> RunResult:
    """Materialize the named assets in one run; whatever does not depend on a failed one is still computed."""
    definitions = assets.definitions(shop.recipe_file, shop.graph, shop.home)
    keys = {assets.key(shop.graph.recipe, name): name for name in names}
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=on,
        asset_selection=list(keys),
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={"compression/recipe": shop.graph.recipe},
    )
    steps = {key.to_python_identifier(): name for key, name in keys.items()}
    failures: dict[str, str] = {}
    for event in _failures(result):
        error = event.step_failure_data.error
        if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
            raise KeyboardInterrupt
        failures[steps[str(event.step_key)]] = _cause(event)
    return RunResult(result.run_id, failures)


def _failures(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.is_step_failure]


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed without a cause"
