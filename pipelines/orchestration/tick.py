"""What the conditions of one tick of automation ask Dagster for: each answer is fetched once a tick."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

_VERDICTS = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
_BACKFILLING = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
_TICK = "_compression_tick"


@dataclass(frozen=True)
class Attempt:
    """The last run that was to make an asset.

    run_id, status  of the run
    storage_id      of the event that planned it
    has_made_it     whether the asset was materialized since
    """

    run_id: str
    status: dg.DagsterRunStatus
    storage_id: int
    has_made_it: bool


class Tick:
    """The answers of one tick."""

    def __init__(self, context: dg.AutomationContext[dg.AssetKey]) -> None:
        self._graph = context.asset_graph
        self._view: Any = context.asset_graph_view
        self._instance: dg.DagsterInstance = self._view.instance
        self._resolver = CachingStaleStatusResolver(self._instance, self._graph, self._view)
        self._passed: dict[dg.AssetCheckKey, bool] = {}
        self._attempts: dict[dg.AssetKey, Attempt | None] = {}
        self._is_backfilling = bool(self._instance.get_backfills(BulkActionsFilter(statuses=_BACKFILLING), limit=1))
        runs = self._instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
        # A run without a selection makes every asset of its job.
        self._is_running_everything = any(run.asset_selection is None for run in runs)
        self._planned = {key for run in runs for key in run.asset_selection or ()}

    @staticmethod
    def of(context: dg.AutomationContext[dg.AssetKey]) -> "Tick":
        """That of a condition's context. It lives on the view of the asset graph, of which Dagster makes one a tick."""
        view = vars(context.asset_graph_view)
        if _TICK not in view:
            view[_TICK] = Tick(context)
        return view[_TICK]

    def is_fresh(self, key: dg.AssetKey) -> bool:
        """Whether an asset is in sync, as Dagster's UI shows it."""
        return self._resolver.get_status(key) == StaleStatus.FRESH

    async def is_in_progress(self, key: dg.AssetKey) -> bool:
        """Whether a run or a backfill that has not ended is to make an asset, and has not made it yet."""
        view = self._view
        whole = {"key": key, "from_subset": view.get_full_subset(key=key)}
        if key in self._planned or self._is_running_everything:
            running = await view.compute_run_in_progress_subset(**whole)
            if not running.is_empty:
                return True
        return self._is_backfilling and not (await view.compute_backfill_in_progress_subset(**whole)).is_empty

    def has_passed(self, gate: dg.AssetCheckKey) -> bool:
        """Whether a check passed when it last came to a verdict.

        Of an attempt that failed before it came to judge, Dagster keeps a record without a verdict: it closes no gate.
        """
        if gate not in self._passed:
            log: Any = self._instance.event_log_storage
            verdicts = log.get_asset_check_execution_history(gate, limit=1, status=_VERDICTS)
            self._passed[gate] = any(item.status == AssetCheckExecutionRecordStatus.SUCCEEDED for item in verdicts)
        return self._passed[gate]

    def last_attempt(self, key: dg.AssetKey) -> Attempt | None:
        """The last run that was to make an asset; None if there was none, or it is deleted."""
        if key not in self._attempts:
            self._attempts[key] = self._last_attempt(key)
        return self._attempts[key]

    def _last_attempt(self, key: dg.AssetKey) -> Attempt | None:
        planned = self._instance.event_log_storage.get_latest_planned_materialization_info(key)
        run = self._instance.get_run_by_id(planned.run_id) if planned is not None else None
        if planned is None or run is None:
            return None
        since = dg.AssetRecordsFilter(asset_key=key, after_storage_id=planned.storage_id)
        made = self._instance.fetch_materializations(since, limit=1).records
        return Attempt(run.run_id, run.status, planned.storage_id, bool(made))

    def is_newer(self, key: dg.AssetKey, attempt: Attempt) -> bool:
        """Whether an input is newer than an attempt: made later in another run, or observed with other content."""
        if self._graph.get(key).is_materializable:
            since = dg.AssetRecordsFilter(asset_key=key, after_storage_id=attempt.storage_id)
            records = self._instance.fetch_materializations(since, limit=1).records
            return any(record.run_id != attempt.run_id for record in records)
        now = self._observed(dg.AssetRecordsFilter(asset_key=key))
        then = self._observed(dg.AssetRecordsFilter(asset_key=key, before_storage_id=attempt.storage_id))
        return now != then

    def _observed(self, records: dg.AssetRecordsFilter) -> str | None:
        """The data version of the last of these observations."""
        found = self._instance.fetch_observations(records, limit=1).records
        observation = found[0].asset_observation if found else None
        return observation.data_version if observation is not None else None


def is_requested(context: dg.AutomationContext[dg.AssetKey], key: dg.AssetKey) -> bool:
    """Whether this tick requests an asset."""
    subset = context.request_subsets_by_key.get(key)
    return subset is not None and not subset.is_empty
