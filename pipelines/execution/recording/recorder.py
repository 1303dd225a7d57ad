"""Tells MLflow of a computation while it runs. Where MLflow is out of reach, the computation goes on without it, and
its entry says what MLflow is to be told later.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.stages.stage import StageResult
from pipelines.execution.log import Log
from pipelines.execution.progress import Pruned
from pipelines.execution.recording import outage
from pipelines.kinds import kind
from pipelines.lineage import connection, names
from pipelines.pipeline import Pipeline
from pipelines.state.actions.action import Action
from pipelines.state.materialization import Materialization, Source, Unrecorded

if TYPE_CHECKING:
    from pipelines.lineage.query import Node
    from pipelines.lineage.run.computation import Computation, Result
    from pipelines.lineage.runs import Lineage

_OWN_ID = "unrecorded-"


class Recorder:
    """One computation on its way into MLflow: begun before its stage, told of its result, ended once that is stored.

    experiment_id, run_id, model_id  in MLflow, as far as it was told
    known     what the computation loads, as far as MLflow knows it
    """

    def __init__(
        self, pipeline: Pipeline, action: Action, dagster_run_id: str, log: Log, is_required: bool, parent: str = ""
    ) -> None:
        """Whoever `is_required` to be recorded is told of an outage by Outage; all others go on. `parent`: the id of
        the run below which MLflow shows this one.
        """
        self._pipeline, self._action, self._log = pipeline, action, log
        self._dagster_run_id, self._is_required, self._parent = dagster_run_id, is_required, parent
        self._started, self._ended = time.time(), 0.0
        self._begun: tuple[Lineage, Computation] | None = None
        self._epochs: Sequence[Mapping[str, float]] = ()
        self.known: Mapping[str, Source] = action.inputs.sources
        self.experiment_id, self.run_id = "", ""
        self.model_id: str | None = None

    def begin(self) -> None:
        """Open the run."""
        self._tell(self._begin)

    def _begin(self) -> None:
        from pipelines.lineage import description, runs  # imports mlflow, which a run that reuses everything can spare

        pipeline, sources = self._pipeline, self._action.inputs.sources
        summary = description.summary(pipeline.file.recipe)
        lineage = runs.of_recipe(pipeline.home, pipeline.home.tracking_uri, pipeline.recipe, summary)
        ancestry = lineage.ancestry(sources, self._ancestors())  # which reads all runs at once
        self.known = lineage.known(sources)
        computation = self._described(ancestry)
        self.run_id = lineage.create(computation)
        self.experiment_id = lineage.experiment_id
        lineage.describe(self.run_id, computation)
        self._begun = (lineage, computation)

    def record(self, stage: StageResult, folder: Path, digest: str) -> None:
        """Log what came out, whose artifact lies in `folder`."""
        from pipelines.lineage import environment
        from pipelines.lineage.run.computation import Result

        self._ended, self._epochs = time.time(), stage.history
        if self._begun is not None:
            lineage, computation = self._begun
            result = Result(stage.metrics, stage.history, environment.made_on(stage), self._ended)
            self._tell(lambda: self._record(lineage, computation, result, folder, digest))

    def _record(
        self, lineage: "Lineage", computation: "Computation", result: "Result", folder: Path, digest: str
    ) -> None:
        self.model_id = lineage.record(self.run_id, computation, result, folder, digest)

    def end(self) -> None:
        """Mark the run as finished."""
        if self._begun is not None:
            lineage, _ = self._begun
            self._tell(lambda: lineage.end(self.run_id, self._ended))

    def fail(self, error: BaseException) -> None:
        """Mark the run as failed, with the cause, or as killed where it was stopped or pruned; if MLflow is out of
        reach, it is closed when the recipe's next one begins.
        """
        self._is_required = False  # its error is told already
        if self._begun is not None:
            lineage, _ = self._begun
            with connection.haste() if isinstance(error, KeyboardInterrupt) else nullcontext():
                self._tell(lambda: self._fail(lineage, error))

    def _fail(self, lineage: "Lineage", error: BaseException) -> None:
        if isinstance(error, Pruned):
            lineage.prune(self.run_id, str(error), error.epochs)
        else:
            lineage.fail(self.run_id, error)

    def complete(self, entry: Materialization) -> Materialization:
        """The entry with what MLflow calls it, or with what MLflow is to be told."""
        if self._begun is not None:
            return replace(entry, experiment_id=self.experiment_id, run_id=self.run_id, model_id=self.model_id)
        return replace(entry, run_id=f"{_OWN_ID}{uuid.uuid4().hex}", unrecorded=self._unrecorded())

    def _tell(self, step: Callable[[], None]) -> None:
        """Whatever MLflow answers a step with that is no answer, it is told no more of this computation."""
        try:
            with outage.noticed(self._pipeline.home.tracking_uri):
                step()
        except outage.Outage as fault:
            self._begun = None
            if self._is_required:
                raise
            self._log(f"{self._action.asset.name}: goes on without MLflow, which is told later: {fault}")

    def _ancestors(self) -> list[Materialization]:
        """The newest entries of an asset and of all that it is made from."""
        names = self._pipeline.graph.upstream(self._action.asset.name)
        return [entry for name in names if (entry := self._pipeline.latest(name))]

    def _described(self, ancestry: "tuple[Node, ...]") -> "Computation":
        from pipelines.lineage.run.computation import Computation

        pipeline, action = self._pipeline, self._action
        own, changes = kind.named(action.asset.kind), self._changes()
        return Computation(
            recipe=pipeline.recipe,
            asset=action.asset.name,
            kind=action.asset.kind,
            parameters=self._parameters(),
            derivation=pipeline.graph.derivations[action.asset.name],
            action=action.key,
            sources=self.known,
            dagster_run_id=self._dagster_run_id,
            started=self._started,
            tags=self._tags(),
            is_model=own.is_model,
            is_evaluation=own.is_evaluation,
            reads_test=own.reads_test,
            made_from=ancestry,
            changes=changes,
            last=self._last(),
        )

    def _tags(self) -> dict[str, str]:
        from pipelines.lineage import environment

        return environment.tags() | ({names.PARENT: self._parent} if self._parent else {})

    def _parameters(self) -> dict[str, Any]:
        return self._action.parameters.model_dump(mode="json")

    def _changes(self) -> tuple[str, ...] | None:
        from pipelines.lineage import changes

        last = self._pipeline.latest(self._action.asset.name)
        return None if last is None else tuple(changes.since(last, self._action.asset, self._action.inputs.sources))

    def _last(self) -> Source | None:
        last = self._pipeline.latest(self._action.asset.name)
        return None if last is None else Source(last.digest, last.run_id, None, last.experiment_id)

    def _unrecorded(self) -> Unrecorded:
        return Unrecorded(
            run_id=self.run_id,
            kind=self._action.asset.kind,
            started=self._started,
            ended=self._ended,
            dagster_run_id=self._dagster_run_id,
            parameters=self._parameters(),
            epochs=tuple(self._epochs),
            tags=self._tags(),
            changes=self._changes(),
            last=self._last(),
        )
