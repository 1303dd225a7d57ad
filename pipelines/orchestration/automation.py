"""Dagster's daemon computes what is out of date, by a condition on each asset that looks at the state, not at events.

*Level-triggered*: an asset is requested while it is out of sync, whatever made it so and whenever that happened. No
edit can be missed by a daemon that was down, lost its cursor or started late.
"""

import json
import warnings
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster import AutomationCondition as Condition
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from pipelines.recipe.sections import Recipe

_VERDICTS = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
_INTERVAL = 30  # seconds between two looks
# Runs that somebody asked for go first; Dagster's default is 0.
RUN_TAGS = {"dagster/priority": "-1"}


class OutOfSync(Condition[dg.AssetKey]):
    """True for an asset that was never materialized, or whose code version or inputs are not those it was made from."""

    @property
    def name(self) -> str:
        return "out_of_sync"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Ask Dagster for the status that its UI shows."""
        return _result(context, not _is_fresh(context, context.key))


class InputsSettled(Condition[dg.AssetKey]):
    """True where every input is in sync, or is requested in this very tick: nothing is made from what is outdated."""

    @property
    def name(self) -> str:
        return "inputs_in_sync_or_requested"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """An input that failed and is not tried again, or that waits for a gate, holds up what is made from it."""
        graph = context.asset_graph
        computed = [key for key in graph.get(context.key).parent_keys if graph.get(key).is_materializable]
        return _result(context, all(_is_requested(context, key) or _is_fresh(context, key) for key in computed))


def _result(context: dg.AutomationContext[dg.AssetKey], holds: bool) -> dg.AutomationResult[dg.AssetKey]:
    return dg.AutomationResult(context, context.candidate_subset if holds else context.get_empty_subset())


def _is_fresh(context: dg.AutomationContext[dg.AssetKey], key: dg.AssetKey) -> bool:
    view: Any = context.asset_graph_view
    resolver = CachingStaleStatusResolver(view.instance, context.asset_graph, view)
    return resolver.get_status(key) == StaleStatus.FRESH


def _is_requested(context: dg.AutomationContext[dg.AssetKey], key: dg.AssetKey) -> bool:
    subset = context.request_subsets_by_key.get(key)
    return subset is not None and not subset.is_empty


class GatesPassed(Condition[dg.AssetKey]):
    """True where everything above an asset, however far, passed its blocking checks, or is judged anew before it."""

    @property
    def name(self) -> str:
        return "all_gates_above_passed"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Dagster's own condition sees the direct inputs only; a gate stands before all that comes after it."""
        return _result(context, all(_is_open(gate, context) for gate in _gates_above(context)))


def _gates_above(context: dg.AutomationContext[dg.AssetKey]) -> list[dg.AssetCheckKey]:
    graph = context.asset_graph
    above = graph.get_ancestor_asset_keys(context.key)
    return [found for found in graph.get_check_keys_for_assets(above) if graph.get(found).blocking]


def _is_open(gate: dg.AssetCheckKey, context: dg.AutomationContext[dg.AssetKey]) -> bool:
    if _is_requested(context, gate.asset_key):
        # It is judged anew in the run that this tick starts; the run stops before this asset if it is made from there.
        graph = context.asset_graph
        inputs = [key for key in graph.get(context.key).parent_keys if _is_requested(context, key)]
        return any(key == gate.asset_key or gate.asset_key in graph.get_ancestor_asset_keys(key) for key in inputs)
    # Of an attempt that failed before it came to judge, Dagster keeps a record without a verdict: it closes no gate.
    log: Any = context.asset_graph_view.instance.event_log_storage
    verdicts = log.get_asset_check_execution_history(gate, limit=1, status=_VERDICTS)
    passed = any(verdict.status == AssetCheckExecutionRecordStatus.SUCCEEDED for verdict in verdicts)
    return passed and _is_fresh(context, gate.asset_key)


class EditedSinceTried(Condition[dg.AssetKey]):
    """True where an asset's code version is not the one that it was last requested with, or that one is not known.

    Dagster's own `code_version_changed` sees an edit in one tick only, and loses it where that tick follows a request.
    """

    @property
    def name(self) -> str:
        return "edited_since_tried"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Its cursor holds the version of the previous tick, and that of the last tick that requested the asset."""
        earlier: dict[str, str | None] = json.loads(context.cursor or "{}")
        requested = context.get_previous_requested_subset(context.root_context.key)
        was_requested = requested is not None and not requested.is_empty
        tried = earlier.get("seen" if was_requested else "tried")
        version = context.asset_graph.get(context.key).code_version
        subset = context.candidate_subset if version != tried else context.get_empty_subset()
        return dg.AutomationResult(context, subset, cursor=json.dumps({"seen": version, "tried": tried}))


class Canceled(Condition[dg.AssetKey]):
    """True where the last run that was to make an asset was canceled before it did: somebody stopped it.

    Dagster's own `execution_failed` sees runs that failed only.
    """

    @property
    def name(self) -> str:
        return "canceled"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Forced or not, and also where the run had not begun."""
        return _result(context, not context.candidate_subset.is_empty and _was_canceled(context))


def _was_canceled(context: dg.AutomationContext[dg.AssetKey]) -> bool:
    instance: dg.DagsterInstance = context.asset_graph_view.instance
    planned = instance.event_log_storage.get_latest_planned_materialization_info(context.key)
    run = instance.get_run_by_id(planned.run_id) if planned is not None else None
    if planned is None or run is None or run.status != dg.DagsterRunStatus.CANCELED:
        return False
    since = dg.AssetRecordsFilter(asset_key=context.key, after_storage_id=planned.storage_id)
    return not instance.fetch_materializations(since, limit=1).records


def of_asset(recipe: Recipe) -> Condition[Any] | None:
    """When a computed asset is requested; None where the recipe's automation is off.

    What failed is tried again after an edit of it, after new inputs, or at the retry cron: never in a loop. What was
    canceled waits for an edit or new inputs: a night does not undo somebody's stop.
    """
    if recipe.automation.mode == "off":
        return None
    settings = recipe.automation
    night: Any = Condition.cron_tick_passed(settings.retry, settings.timezone)
    new_inputs = Condition.any_deps_updated().since_last_handled()
    worth_another_try = (Condition.any_deps_updated() | night).since_last_handled()
    return (
        OutOfSync()
        & InputsSettled()
        & ~Condition.in_progress()
        & ~Condition.any_deps_in_progress()
        & GatesPassed()
        & (~Condition.execution_failed() | EditedSinceTried() | worth_another_try)
        & (~Canceled() | EditedSinceTried() | new_inputs)
    )


def of_raw_data(recipe: Recipe) -> Condition[Any] | None:
    """When the raw data are observed; None where the recipe's automation is off."""
    settings = recipe.automation
    return Condition.on_cron(settings.observe, settings.timezone) if settings.mode == "on" else None


def freshness(recipe: Recipe) -> dg.FreshnessPolicy:
    """How old what ages may grow before Dagster says so."""
    ages = recipe.freshness
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=ages.fail_days), warn_window=timedelta(days=ages.warn_days)
    )


def sensor(name: str, recipe: Recipe, keys: list[dg.AssetKey]) -> dg.AutomationConditionSensorDefinition | None:
    """What evaluates the conditions of a recipe's assets; running by default. None where its automation is off."""
    if recipe.automation.mode == "off":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said at every start, to users who cannot act on it
        return dg.AutomationConditionSensorDefinition(
            name=f"{name}_automation",
            description=f"Computes what is out of date in recipe {name}. `automation: {{mode: off}}` removes it.",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=_INTERVAL,
            run_tags={**RUN_TAGS, "compression/recipe": name},
            use_user_code_server=True,  # the daemon's own process does not know OutOfSync
        )
