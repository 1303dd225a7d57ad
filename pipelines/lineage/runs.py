"""Records each computation as an MLflow run, linked to the runs, models and data that it really consumed.

Only the client is used, with explicit ids; there is never an active run.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.graph.asset import RAW_DATA
from pipelines.lineage import ancestry, connection, description, environment, experiment, names
from pipelines.lineage import models as mlflow_models
from pipelines.lineage.query import LineageQuery, Node
from pipelines.lineage.run import computation as computations
from pipelines.lineage.run.computation import Computation, Result
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization, Source

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

_LARGEST_FILE = 16 << 20  # bytes; larger files stay in the artifact store, the run names their digest


@cache
def of_recipe(home: Home, tracking_uri: str, recipe: str, summary: str = "") -> "Lineage":
    """The recorder of a recipe, opened once a process for each tracking store; `summary` is the recipe in a line."""
    return Lineage(home, recipe, summary)


class Lineage:
    """Writes the runs of one recipe's experiment."""

    def __init__(self, home: Home, recipe: str, summary: str = "") -> None:
        self._home = home
        self._recipe = recipe
        self._summary = summary
        self._client: MlflowClient = connection.client(home)
        self._query = LineageQuery(home)
        self.experiment_id = experiment.open_for(self._client, home, recipe, summary)

    def start(self, computation: Computation) -> str:
        """Create the run, with its parents, parameters and inputs; returns its id."""
        run_id = self.create(computation)
        self.describe(run_id, computation)
        return run_id

    def create(self, computation: Computation) -> str:
        """Create the run, of which its tags alone are known; returns its id."""
        tags = computations.tags(computation) | {names.DESCRIPTION: self._text(computation)}
        run = self._create_run(names.run(computation.asset), tags, int(computation.started * 1000))
        return run.info.run_id

    def describe(self, run_id: str, computation: Computation) -> None:
        """Log parameters and inputs."""
        self._log_inputs(run_id, computation)
        self._log_parameters(run_id, computation)

    def _log_parameters(self, run_id: str, computation: Computation) -> None:
        """With the ancestry as a file, where it is too long for the description."""
        self._client.log_batch(run_id, params=computations.params(computation.parameters))
        whole = ancestry.whole(computation.made_from)
        if not self._text(computation).startswith(whole):
            self._client.log_text(run_id, whole, names.ANCESTRY_FILE)

    def catch_up(
        self,
        identity: str,
        begun: str,
        computation: Computation,
        result: Result,
        folder: Path | None,
        digest: str,
    ) -> tuple[str, str | None]:
        """Record a computation that is over, unless that was done; returns the ids of its run and its model.

        identity  of the computation;  begun  the run that was opened for it, empty if none was
        folder    of its artifact, None if it is lost
        """
        found, model_id = self._begun(identity, begun), None
        if found is not None:
            run_id = found.info.run_id
            if found.info.lifecycle_stage == "deleted":
                self._client.restore_run(run_id)
            if found.info.status == "FINISHED":
                return run_id, mlflow_models.whole(self._client, self.experiment_id, run_id)
            model_id = self._resume(found, computation)
        else:
            run_id = self.create(replace(computation, tags=_of_this_process(computation.tags, identity)))
            self.describe(run_id, computation)
        logged = self.record(run_id, computation, result, folder if model_id is None else None, digest)
        self.end(run_id, result.ended)
        return run_id, model_id or logged

    def has(self, run_id: str) -> bool:
        """Whether this tracking store has a run, in its trash too."""
        return self._query.knows(run_id)

    def restore(self, run_id: str) -> bool:
        """Take a run out of MLflow's trash; whether it was there."""
        found = self._query.run(run_id)
        if found is None or found.info.lifecycle_stage != "deleted":
            return False
        self._client.restore_run(run_id)
        return True

    def put_below_trial(self, run_id: str, asset: str, digest: str) -> None:
        """Have MLflow show a run below that of the first trial of a search which has its result, if there is one."""
        where = f"tags.`{names.RESULT}{asset}` = '{digest}'"
        found = self._client.search_runs(
            [self.experiment_id], where, max_results=1, order_by=["attributes.start_time ASC"]
        )
        if found:
            self._client.set_tag(run_id, names.PARENT, found[0].info.run_id)

    def _begun(self, identity: str, run_id: str) -> "Run | None":
        """The run of a computation that was recorded later, or opened before; None if there is neither."""
        from mlflow.entities import ViewType

        where = f"tags.`{names.COMPUTATION}` = '{identity}'"
        found = self._client.search_runs([self.experiment_id], where, ViewType.ALL, max_results=1)
        return found[0] if found else self._query.run(run_id or identity)

    def _resume(self, run: "Run", computation: Computation) -> str | None:
        """Go on with a run that was not told all; returns the id of its model, if that is whole."""
        run_id = run.info.run_id
        for tag, value in (computations.tags(computation) | {names.DESCRIPTION: self._text(computation)}).items():
            self._client.set_tag(run_id, tag, value)
        if names.ERROR in run.data.tags:
            self._client.delete_tag(run_id, names.ERROR)  # of one that was closed when its process was gone
        if run.inputs is None or not (run.inputs.model_inputs or run.inputs.dataset_inputs):
            self._log_inputs(run_id, computation)
        self._log_parameters(run_id, computation)
        return mlflow_models.whole(self._client, self.experiment_id, run_id)

    def _text(self, computation: Computation) -> str:
        news = description.news(computation.asset, computation.changes, self._last(computation))
        return description.of_run(computation.made_from, news)

    def _create_run(self, name: str, tags: Mapping[str, str], started: int | None = None) -> "Run":
        """In the recipe's experiment, which somebody may have deleted since it was opened."""
        from mlflow.exceptions import MlflowException

        try:
            return self._client.create_run(self.experiment_id, started, dict(tags), name)
        except MlflowException:
            self.experiment_id = experiment.open_for(self._client, self._home, self._recipe, self._summary)
            return self._client.create_run(self.experiment_id, started, dict(tags), name)

    def record(
        self, run_id: str, computation: Computation, result: Result, folder: Path | None, digest: str
    ) -> str | None:
        """Log what came out; returns the id of the logged model, if the stage made one.

        `folder` is the artifact's, None if it is lost: then there is neither a model nor a file to log.
        """
        self._log_metrics(run_id, result)
        self._client.set_tag(run_id, names.DATA_VERSION, digest)
        if result.made_on is not None:
            self._client.set_tag(run_id, names.DEVICE, result.made_on.words())
        model_id = None
        if folder is not None and computation.is_model:
            model_id = mlflow_models.log(
                self._client,
                self.experiment_id,
                run_id,
                self._recipe,
                computation.asset,
                computation.kind,
                computation.parameters,
                folder,
                digest,
            )
        elif folder is not None:
            self._log_files(run_id, folder)
        if computation.is_evaluation:
            mlflow_models.log_evaluation(
                self._client, run_id, self._recipe, computation.sources, result.metrics, int(result.ended * 1000)
            )
        return model_id

    def end(self, run_id: str, ended: float) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(run_id, "FINISHED", int(ended * 1000))

    def fail(self, run_id: str, error: BaseException) -> None:
        """Mark the run as failed, with the cause, or as killed by somebody who interrupted it."""
        is_stop = isinstance(error, KeyboardInterrupt)
        cause = "interrupted" if is_stop else f"{type(error).__name__}: {error}"
        self._client.set_tag(run_id, names.ERROR, cause[: names.TAG_LIMIT])
        self._client.set_terminated(run_id, "KILLED" if is_stop else "FAILED")

    def prune(self, run_id: str, cause: str, epochs: Sequence[Mapping[str, float]]) -> None:
        """Mark the run of a training as killed, with what it told of its epochs and why there are no more."""
        self._log_metrics(run_id, Result({}, epochs, None, time.time()))
        self._client.set_tag(run_id, names.ERROR, cause[: names.TAG_LIMIT])
        self._client.set_terminated(run_id, "KILLED")

    def ancestry(self, sources: Mapping[str, Source], history: Sequence[Materialization]) -> tuple[Node, ...]:
        """The trees back from what a computation loads; `history` is what the home knows of its ancestors and itself.

        One question to MLflow, unless it knows of ancestors that the home has forgotten.
        """
        return self._query.parents(sources, history)

    def known(self, sources: Mapping[str, Source]) -> dict[str, Source]:
        """The sources without references that this tracking store cannot resolve: it validates none itself.

        It cannot after `MLFLOW_TRACKING_URI` was pointed elsewhere, or when a model was deleted, or a run for good.
        """
        models = self._query.known_models(sources.values())
        return {name: source if self._has(source, models) else _unlinked(source) for name, source in sources.items()}

    def _has(self, source: Source, models: set[str]) -> bool:
        is_known = source.run_id is None or self._query.knows(source.run_id)
        return is_known and (source.model_id is None or source.model_id in models)

    def _last(self, computation: Computation) -> Source | None:
        """The last result of the asset, without its run where this tracking store does not know it."""
        last = computation.last
        return last if last is None or self._query.knows(last.run_id or "") else _unlinked(last)

    def _log_inputs(self, run_id: str, computation: Computation) -> None:
        from mlflow.entities import LoggedModelInput

        models = [LoggedModelInput(source.model_id) for source in computation.sources.values() if source.model_id]
        read = next((name for name in ("dataset", RAW_DATA) if name in computation.sources), None)
        data = [computations.dataset_input(computation, read)] if read else []
        self._client.log_inputs(run_id, datasets=data, models=models)

    def _log_metrics(self, run_id: str, result: Result) -> None:
        from mlflow.entities import Metric

        now = int(result.ended * 1000)  # the same at a second try, which then adds nothing
        metrics = [Metric(name, float(value), now, 0) for name, value in result.metrics.items()]
        for step, epoch in enumerate(result.epochs, start=1):
            metrics += [Metric(names.epoch_metric(name), float(value), now, step) for name, value in epoch.items()]
        for first in range(0, len(metrics), names.METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics=metrics[first : first + names.METRICS_AT_ONCE])

    def _log_files(self, run_id: str, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.stat().st_size <= _LARGEST_FILE and not path.name.startswith("view_"):
                self._client.log_artifact(run_id, str(path))


def _unlinked(source: Source) -> Source:
    return replace(source, run_id=None, model_id=None, experiment_id=None)


def _of_this_process(tags: Mapping[str, str], identity: str) -> dict[str, str]:
    """The tags of whoever computed, so that a run which is cut short is closed as that of the process which wrote it,
    and found by whoever goes on with it.
    """
    return {**tags, names.COMPUTATION: identity, **environment.process_tags()}
