"""Watches for failed runs and tells the notifier. Failing to tell is logged and fails nothing."""

import dagster as dg

from pipelines.orchestration import notifier
from pipelines.orchestration import run as dagster_run


def sensor() -> dg.SensorDefinition:
    """The run-failure sensor, running by default."""

    @dg.run_failure_sensor(
        name="run_failure",
        description="Tells whom COMPRESSION_NOTIFY names (a webhook, or package.module:function) that a run failed.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def run_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        try:
            tell = notifier.configured()
            if tell is None:
                return dg.SkipReason("COMPRESSION_NOTIFY is not set, so nobody is told.")
            tell(failure(context))
        except Exception as error:  # noqa: BLE001  whatever is wrong with the receiver, the pipeline goes on
            context.log.warning(f"nobody was told that run {context.dagster_run.run_id} failed: {error}")
            return dg.SkipReason(f"Nobody could be told: {error}")
        return None

    return run_failure


def failure(context: dg.RunFailureSensorContext) -> notifier.Failure:
    """What there is to tell of a failed run."""
    run = context.dagster_run
    failed = {str(event.step_key): dagster_run.cause(event) for event in context.get_step_failure_events()}
    recipe = run.tags.get("compression/recipe") or _recipe(run)
    causes = "; ".join(f"{step}: {cause}" for step, cause in failed.items()) or context.failure_event.message or ""
    return notifier.Failure(recipe, run.run_id, failed, f"Recipe {recipe}: run {run.run_id[:8]} failed. {causes}")


def _recipe(run: dg.DagsterRun) -> str:
    return ", ".join(sorted({asset_key.path[0] for asset_key in run.asset_selection or ()})) or "unknown"
