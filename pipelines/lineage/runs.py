"""Records each computation as an MLflow run, linked to the runs, models and data that it really consumed.

Only the client is used, with explicit ids; there is never an active run.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.stages.stage import StageResult
from pipelines.graph.asset import RAW_DATA, Asset
from pipelines.graph.flatten import flatten
from pipelines.lineage import ancestry, connection, description, environment, experiment, inputs, names
from pipelines.lineage import models as mlflow_models
from pipelines.lineage.query import LineageQuery, Node
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization, Source

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

_LARGEST_FILE = 16 << 20  # bytes; larger files stay in the artifact store, the run names their digest


@dataclass(frozen=True)
class Computation:
    """One computation to be recorded: whose, on which parameters, how derived, from what, under which Dagster run.

    parameters     with what was observed in them; the recipe's own are the asset's
    sources        what it loads, as far as the tracking store knows it
    is_model       whether its artifact is a model, with a page of its own
    is_evaluation  whether its metrics (`student/small.test_accuracy`) are about the models that it loads
    reads_test     whether it reads the test split
    made_from      the trees back from what it loads, as `Lineage.ancestry` finds them
    last           the last result of the asset, None if there is none
    """

    recipe: str
    asset: Asset
    parameters: Mapping[str, Any]
    derivation: str
    action: str
    sources: Mapping[str, Source]
    dagster_run_id: str
    is_model: bool
    is_evaluation: bool
    reads_test: bool
    made_from: tuple[Node, ...]
    last: Materialization | None


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
        parents = computation.made_from
        text = description.of_run(computation.asset, computation.sources, parents, self._last(computation))
        tags = _tags(computation) | {names.DESCRIPTION: text}
        run = self._create_run(names.run(computation.asset.name), tags)
        try:
            self._client.log_batch(run.info.run_id, params=_params(computation.parameters))
            self._log_inputs(run.info.run_id, computation)
            whole = ancestry.whole(parents)
            if not text.startswith(whole):
                self._client.log_text(run.info.run_id, whole, names.ANCESTRY_FILE)
        except BaseException as error:
            self.fail(run.info.run_id, error)
            raise
        return run.info.run_id

    def _create_run(self, name: str, tags: Mapping[str, str]) -> "Run":
        """In the recipe's experiment, which somebody may have deleted since it was opened."""
        from mlflow.exceptions import MlflowException

        try:
            return self._client.create_run(self.experiment_id, run_name=name, tags=dict(tags))
        except MlflowException:
            self.experiment_id = experiment.open_for(self._client, self._home, self._recipe, self._summary)
            return self._client.create_run(self.experiment_id, run_name=name, tags=dict(tags))

    def record(
        self, run_id: str, computation: Computation, result: StageResult, folder: Path, digest: str
    ) -> str | None:
        """Log what came out; returns the id of the logged model, if the stage made one."""
        self._log_metrics(run_id, result)
        self._client.set_tag(run_id, names.DATA_VERSION, digest)
        self._client.set_tag(run_id, names.DEVICE, environment.made_on(result).words())
        model_id = None
        if computation.is_model:
            model_id = mlflow_models.log(
                self._client,
                self.experiment_id,
                run_id,
                self._recipe,
                computation.asset.name,
                computation.asset.kind,
                computation.parameters,
                folder,
                digest,
            )
        else:
            self._log_files(run_id, folder)
        if computation.is_evaluation:
            mlflow_models.log_evaluation(self._client, run_id, self._recipe, computation.sources, result.metrics)
        return model_id

    def end(self, run_id: str) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(run_id, "FINISHED")

    def fail(self, run_id: str, error: BaseException) -> None:
        """Mark the run as failed, with the cause, or as killed by somebody who interrupted it."""
        is_stop = isinstance(error, KeyboardInterrupt)
        cause = "interrupted" if is_stop else f"{type(error).__name__}: {error}"
        self._client.set_tag(run_id, names.ERROR, cause[: names.TAG_LIMIT])
        self._client.set_terminated(run_id, "KILLED" if is_stop else "FAILED")

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

    def _last(self, computation: Computation) -> Materialization | None:
        """The last result of the asset, without its run where this tracking store does not know it."""
        last = computation.last
        return last if last is None or self._query.knows(last.run_id) else replace(last, run_id="")

    def _log_inputs(self, run_id: str, computation: Computation) -> None:
        from mlflow.entities import LoggedModelInput

        models = [LoggedModelInput(source.model_id) for source in computation.sources.values() if source.model_id]
        read = next((name for name in ("dataset", RAW_DATA) if name in computation.sources), None)
        data = [_dataset_input(computation, read)] if read else []
        self._client.log_inputs(run_id, datasets=data, models=models)

    def _log_metrics(self, run_id: str, result: StageResult) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, 0) for name, value in result.metrics.items()]
        for step, epoch in enumerate(result.history, start=1):
            metrics += [Metric(names.epoch_metric(name), float(value), now, step) for name, value in epoch.items()]
        for first in range(0, len(metrics), names.METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics=metrics[first : first + names.METRICS_AT_ONCE])

    def _log_files(self, run_id: str, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.stat().st_size <= _LARGEST_FILE and not path.name.startswith("view_"):
                self._client.log_artifact(run_id, str(path))


def _unlinked(source: Source) -> Source:
    return replace(source, run_id=None, model_id=None, experiment_id=None)


def _tags(computation: Computation) -> dict[str, str]:
    """All tags of a run but its description, which nobody would read among a parent's and a package's."""
    tags = {
        names.RECIPE: computation.recipe,
        names.ASSET: computation.asset.name,
        names.STAGE: computation.asset.kind,
        names.DAGSTER_ASSET: names.asset_key(computation.recipe, computation.asset.name),
        names.DAGSTER_RUN: computation.dagster_run_id,
        names.CODE_VERSION: computation.derivation,
        names.ACTION: computation.action,
    }
    return tags | environment.tags() | inputs.to_tags(computation.sources)


def _dataset_input(computation: Computation, name: str) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = computation.sources[name]
    split = "source" if name == RAW_DATA else "test" if computation.reads_test else "train"
    origin = {"recipe": computation.recipe, "asset": name, "mlflow_run_id": source.run_id}
    dataset = Dataset(
        name=names.dataset(computation.recipe, name),
        digest=source.digest[: names.DATASET_DIGEST_LIMIT],
        source_type="compression",
        source=json.dumps(origin),
        profile=json.dumps({"sha256": source.digest, "split": split}),
    )
    return DatasetInput(dataset, [InputTag(names.DATASET_CONTEXT, split)])


def _params(parameters: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    flat = flatten(parameters)
    return [Param(name, str(value)[: names.PARAMETER_LIMIT]) for name, value in flat.items()]
