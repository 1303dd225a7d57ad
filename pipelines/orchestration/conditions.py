"""The conditions of automation that Dagster has not, or not for many assets: each looks at the state, not at events.

Every one but `EditedSinceTried` is a function of what Dagster knows now, so a lost cursor changes no answer. Dagster's
conditions on an asset's inputs are a tree for every input, evaluated at every tick; here an input is asked for only
where its answer matters, and what several assets ask for is fetched once a tick (`tick.py`).
"""

import json
from typing import ClassVar

import dagster as dg
from dagster import AutomationCondition as Condition

from pipelines.execution import status
from pipelines.orchestration.tick import Tick, is_requested
from pipelines.recipe import file
from pipelines.state import home

Context = dg.AutomationContext[dg.AssetKey]
Result = dg.AutomationResult[dg.AssetKey]


class _Stateless(Condition[dg.AssetKey]):
    """One that remembers nothing from one tick to the next, and asks nothing where its answer does not matter."""

    @property
    def requires_cursor(self) -> bool:
        return False

    async def evaluate(self, context: Context) -> Result:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The candidate itself where the condition holds."""
        holds = not context.candidate_subset.is_empty and await self.holds(context)
        return dg.AutomationResult(context, context.candidate_subset if holds else context.get_empty_subset())

    async def holds(self, context: Context) -> bool:
        """Whether the condition holds of `context.key`."""
        raise NotImplementedError


class OutOfSync(_Stateless):
    """True for an asset that was never materialized, or whose code version or inputs are not those it was made from."""

    @property
    def name(self) -> str:
        return "out_of_sync"

    async def holds(self, context: Context) -> bool:
        """Ask Dagster for the status that its UI shows."""
        return not Tick.of(context).is_fresh(context.key)


class Undone(Condition[dg.AssetKey]):
    """True where somebody undid what an asset decided, as by deleting the champion in MLflow: once for each time.

    Its cursor says whether the present loss was answered, so a decision that does not bring back what was lost is not
    made at every tick. A lost cursor asks once more.
    """

    @property
    def name(self) -> str:
        return "what_it_decided_was_undone"

    def evaluate(self, context: Context) -> Result:
        """One look at the registry, and none once a loss was answered until that is made good."""
        recipe, name = context.key.path
        requested = context.get_previous_requested_subset(context.root_context.key)
        was_requested = requested is not None and not requested.is_empty
        was_lost, answered = json.loads(context.cursor or "[false, false]")
        is_lost = status.undone(home.of_recipe(file.path_of(recipe)), recipe, name) is not None
        answered = is_lost and (answered or (was_lost and was_requested))
        subset = context.candidate_subset if is_lost and not answered else context.get_empty_subset()
        return dg.AutomationResult(context, subset, cursor=json.dumps([is_lost, answered]))


class InputsSettled(_Stateless):
    """True where every input is in sync, or is requested in this very tick: nothing is made from what is outdated."""

    @property
    def name(self) -> str:
        return "inputs_in_sync_or_requested"

    async def holds(self, context: Context) -> bool:
        """An input that failed and is not tried again, or that waits for a gate, holds up what is made from it."""
        tick = Tick.of(context)
        return all(is_requested(context, key) or tick.is_fresh(key) for key in _computed_inputs(context))


def _computed_inputs(context: Context) -> list[dg.AssetKey]:
    graph = context.asset_graph
    return [key for key in graph.get(context.key).parent_keys if graph.get(key).is_materializable]


class InProgress(_Stateless):
    """True while a run or a backfill that has not ended is to make the asset, one of its inputs, or what is made from
    it: made anew meanwhile, it would be half of that run's results and have the other half computed once more alone.
    """

    @property
    def name(self) -> str:
        return "it_an_input_or_what_is_made_from_it_in_progress"

    async def holds(self, context: Context) -> bool:
        """Runs that wait in a queue count."""
        tick = Tick.of(context)
        inputs, made_from_it = context.asset_graph.get(context.key).parent_keys, _made_from(context)
        for key in (context.key, *inputs, *made_from_it):
            if await tick.is_in_progress(key):
                return True
        return False


def _made_from(context: Context) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [context.key]
    while waiting:
        new = context.asset_graph.get(waiting.pop()).child_keys - found
        found |= new
        waiting += new
    return found


class GatesPassed(_Stateless):
    """True where everything above an asset, however far, passed its blocking checks, or is judged anew before it."""

    @property
    def name(self) -> str:
        return "all_gates_above_passed"

    async def holds(self, context: Context) -> bool:
        """Dagster's own condition sees the direct inputs only; a gate stands before all that comes after it."""
        return all(_is_open(gate, context) for gate in _gates_above(context))


def _gates_above(context: Context) -> list[dg.AssetCheckKey]:
    graph = context.asset_graph
    above = graph.get_ancestor_asset_keys(context.key)
    return [gate for gate in graph.get_check_keys_for_assets(above) if graph.get(gate).blocking]


def _is_open(gate: dg.AssetCheckKey, context: Context) -> bool:
    if is_requested(context, gate.asset_key):
        # It is judged anew in the run that this tick starts; the run stops before this asset if it is made from there.
        graph = context.asset_graph
        inputs = [key for key in graph.get(context.key).parent_keys if is_requested(context, key)]
        return any(key == gate.asset_key or gate.asset_key in graph.get_ancestor_asset_keys(key) for key in inputs)
    return Tick.of(context).has_passed(gate) and Tick.of(context).is_fresh(gate.asset_key)


class EditedSinceTried(Condition[dg.AssetKey]):
    """True where an asset's code version is not the one that it was last requested with, or that one is not known.

    Dagster's own `code_version_changed` sees an edit in one tick only, and loses it where that tick follows a request.
    """

    @property
    def name(self) -> str:
        return "edited_since_tried"

    def evaluate(self, context: Context) -> Result:
        """Its cursor holds the version of the previous tick, and that of the last tick that requested the asset."""
        earlier: dict[str, str | None] = json.loads(context.cursor or "{}")
        requested = context.get_previous_requested_subset(context.root_context.key)
        was_requested = requested is not None and not requested.is_empty
        tried = earlier.get("seen" if was_requested else "tried")
        version = context.asset_graph.get(context.key).code_version
        subset = context.candidate_subset if version != tried else context.get_empty_subset()
        return dg.AutomationResult(context, subset, cursor=json.dumps({"seen": version, "tried": tried}))


class _Ended(_Stateless):
    """True where the last run that was to make an asset ended in some way before it did."""

    statuses: ClassVar[frozenset[dg.DagsterRunStatus]]

    async def holds(self, context: Context) -> bool:
        """Whatever ended that run, and also where it had not begun."""
        attempt = Tick.of(context).last_attempt(context.key)
        return attempt is not None and attempt.status in self.statuses and not attempt.has_made_it


class Failed(_Ended):
    """True where the last run that was to make an asset failed before it did, or left it as it waits for MLflow."""

    statuses = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS})

    @property
    def name(self) -> str:
        return "failed"


class Canceled(_Ended):
    """True where the last run that was to make an asset was canceled before it did: somebody stopped it."""

    statuses = frozenset({dg.DagsterRunStatus.CANCELED})

    @property
    def name(self) -> str:
        return "canceled"


class InputsSinceTried(_Stateless):
    """True where an input is requested in this tick, or was made anew after the last run that was to make the asset."""

    @property
    def name(self) -> str:
        return "inputs_since_tried"

    async def holds(self, context: Context) -> bool:
        """What that run made itself is what it was tried with; of what is observed, only another content is new."""
        if any(is_requested(context, key) for key in _computed_inputs(context)):
            return True
        tick = Tick.of(context)
        attempt = tick.last_attempt(context.key)
        inputs = context.asset_graph.get(context.key).parent_keys
        return attempt is not None and any(tick.is_newer(key, attempt) for key in inputs)
