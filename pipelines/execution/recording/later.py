"""Completes the lineage from the histories: what MLflow did not hear of is recorded, and runs in its trash come back.

A history says all that a run of MLflow's does. So a run that MLflow lost for good is recorded anew as well, but for its
metrics of every epoch, which are told to MLflow alone where it listens.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.execution.recording import outage
from pipelines.kinds import kind
from pipelines.lineage import names
from pipelines.pipeline import Pipeline
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization, Unrecorded
from pipelines.state.recorded import Record

if TYPE_CHECKING:
    from pipelines.lineage.run.computation import Computation, Result
    from pipelines.lineage.runs import Lineage

_TURN = "sync_lineage"


@dataclass(frozen=True)
class Told:
    """What MLflow was told of one computation.

    why        `unrecorded`: it was out of reach; `restored`: its run was in the trash; `lost`: its run was gone
    has_files  whether its artifact was there to be logged
    """

    recipe: str
    asset: str
    why: str
    run_id: str
    model_id: str | None
    has_files: bool = True

    def to_json(self) -> dict[str, Any]:
        """As `compression sync-lineage --json` prints it."""
        return {
            "recipe": self.recipe,
            "asset": self.asset,
            "why": self.why,
            "mlflow_run_id": self.run_id,
            "mlflow_model_id": self.model_id,
            "has_files": self.has_files,
        }


def waiting(history: History, recipe: str, names: Iterable[str]) -> list[str]:
    """The assets whose newest result is not in MLflow yet."""
    latest = {name: history.latest(recipe, name) for name in names}
    return [name for name, entry in latest.items() if entry is not None and entry.unrecorded is not None]


def of(pipeline: Pipeline) -> "Sync":
    """The completion of the lineage of a recipe's home."""
    return Sync(pipeline.home, pipeline.store, pipeline.actions, pipeline.history)


def of_home(home: Home) -> "Sync":
    """The completion of the lineage of a home, whose recipes may be gone."""
    store = ArtifactStore(home.store_url, home.root / "cache")
    return Sync(home, store, ActionCache(store), History(home.history))


class Sync:
    """Completes the lineage of one home. Whoever comes second finds nothing to do.

    told     what MLflow was told so far
    refused  what it did not take so far, in words
    """

    def __init__(self, home: Home, store: ArtifactStore, actions: ActionCache, history: History) -> None:
        self._home, self._store, self._actions, self._history = home, store, actions, history
        self._lineages: dict[str, Lineage] = {}
        self._of_trials: set[str] = set()
        self.told: list[Told] = []
        self.refused: list[str] = []

    def recipes(self) -> set[str]:
        """The recipes of which MLflow did not hear all."""
        return {entry.recipe for entry in self._pending(None)}

    def unrecorded(self, recipe: str | None = None) -> None:
        """Record what MLflow did not hear of, the earliest first; of one recipe, or of all.

        What it does not take is left out, and stands in `refused`. Raises Outage if MLflow is out of reach.
        """
        if not self._pending(recipe):
            return
        with self._alone():
            for entry in self._pending(recipe):
                self._try(entry)

    def _try(self, entry: Materialization) -> None:
        try:
            with outage.noticed(self._home.tracking_uri):
                self.told.append(self._record(entry, "unrecorded"))
        except outage.Refused as fault:
            self.refused.append(f"{entry.asset}: {fault}")

    def lost(self, recipe: str, kinds: Mapping[str, str]) -> None:
        """Restore the runs of the newest results that are in MLflow's trash; record anew those that are gone.

        `kinds` are those of the recipe's assets, in order of computation. Raises Outage if MLflow is out of reach.
        """
        with self._alone():
            for asset, own in kinds.items():
                found = self._found_again(recipe, asset, own)
                self.told += [] if found is None else [found]

    @contextmanager
    def _alone(self) -> Generator[None]:
        """One process at a time."""
        with outage.noticed(self._home.tracking_uri), self._home.journal.turn(_TURN, lambda: None):
            yield

    def _pending(self, recipe: str | None) -> list[Materialization]:
        """One entry of each computation that is not recorded yet, as it was written: of its own asset, if there is one.

        A computation that a recipe took over from another is one of both.
        """
        found: dict[str, Materialization] = {}
        wanted: set[str] = set()
        for history in self._histories:
            for entry in history.as_written():
                if entry.unrecorded is None or history.resolved(entry).unrecorded is None:
                    continue
                if recipe in (None, entry.recipe):
                    wanted.add(entry.run_id)
                if entry.computed or entry.run_id not in found:
                    found[entry.run_id] = entry
                if entry.computed and history is not self._history:
                    self._of_trials.add(entry.run_id)
        return sorted((found[run_id] for run_id in wanted), key=_started)

    @property
    def _histories(self) -> list[History]:
        """The home's own, and those of searches' trials."""
        return [self._history, *map(History, self._home.studies.values())]

    def _found_again(self, recipe: str, asset: str, own: str) -> Told | None:
        """What became of the run of an asset's newest result, if something was to be done."""
        entry, written = self._history.latest(recipe, asset), self._history.latest_as_written(recipe, asset)
        if entry is None or written is None or entry.unrecorded is not None:
            return None
        lineage = self._lineage(recipe)
        if lineage.restore(entry.run_id):
            return Told(recipe, asset, "restored", entry.run_id, entry.model_id)
        if lineage.has(entry.run_id):
            return None
        return self._record(written if written.unrecorded else _from_history(written, own), "lost")

    def _lineage(self, recipe: str) -> "Lineage":
        """Opened anew: what was read of MLflow before may have been deleted since."""
        from pipelines.lineage import runs

        if recipe not in self._lineages:
            self._lineages[recipe] = runs.Lineage(self._home, recipe)
        return self._lineages[recipe]

    def _record(self, written: Materialization, why: str) -> Told:
        """Record a computation, unless that was done, or finish what was begun; `written` has its own ids."""
        lineage = self._lineage(written.recipe)
        entry = replace(written, inputs=self._history.resolved(written).inputs)
        assert entry.unrecorded is not None, "it is to be recorded"
        computation = _computation(lineage, entry, entry.unrecorded)
        folder = self._store.find(entry.artifact)
        run_id, model_id = lineage.catch_up(
            written.run_id, entry.unrecorded.run_id, computation, _result(entry, entry.unrecorded), folder, entry.digest
        )
        if written.run_id in self._of_trials:
            lineage.put_below_trial(run_id, entry.asset, entry.digest)
        record = Record(lineage.experiment_id, run_id, model_id)
        former = self._history.resolved(written).run_id
        for history in self._histories:
            for known_as in {written.run_id, former} - {run_id}:
                history.complete(known_as, record)
        known = self._actions.get(entry.action)
        if known is not None and known.run_id in (written.run_id, former):
            self._actions.put(self._history.resolved(known))
        return Told(entry.recipe, entry.asset, why, run_id, model_id, folder is not None)


def _started(entry: Materialization) -> float:
    return entry.unrecorded.started if entry.unrecorded is not None else entry.time


def _computation(lineage: "Lineage", entry: Materialization, told: Unrecorded) -> "Computation":
    from pipelines.lineage.run.computation import Computation

    own = _kind(entry, told)
    ancestry = lineage.ancestry(entry.inputs, ())  # which reads all runs at once
    return Computation(
        recipe=entry.recipe,
        asset=entry.asset,
        kind=told.kind,
        parameters=told.parameters,
        derivation=entry.derivation,
        action=entry.action,
        sources=lineage.known(entry.inputs),
        dagster_run_id=told.dagster_run_id,
        started=told.started,
        tags=told.tags,
        is_model=own.is_model,
        is_evaluation=own.is_evaluation,
        reads_test=own.reads_test,
        made_from=ancestry,
        changes=told.changes,
        last=told.last,
    )


def _kind(entry: Materialization, told: Unrecorded) -> kind.Kind:
    try:
        return kind.named(told.kind)
    except KeyError:
        raise outage.Refused(
            f"it was computed as a {told.kind!r}, which this version does not know; record it with the one that made it"
        ) from None


def _result(entry: Materialization, told: Unrecorded) -> "Result":
    from pipelines.lineage.run.computation import Result

    return Result(entry.metrics, told.epochs, entry.made_on, told.ended)


def _from_history(entry: Materialization, own: str) -> Materialization:
    """An entry with what MLflow is to be told of it once more, as far as a history knows it."""
    tags = {} if entry.made_on is None else {names.VERSIONS: entry.made_on.versions}
    ended = entry.time
    told = Unrecorded("", own, ended - entry.seconds, ended, "", entry.parameters, (), tags, (), None)
    return replace(entry, unrecorded=told)
