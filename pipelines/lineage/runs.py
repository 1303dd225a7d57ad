"""Records each computation as an MLflow run, linked to the runs, models and data that it really consumed.

Only the client is used, with explicit ids; there is never an active run.
"""

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.stages.stage import StageResult
from pipelines.graph.asset import RAW_DATA, Asset
from pipelines.graph.flatten import flatten
from pipelines.lineage import connection, environment
from pipelines.lineage import models as mlflow_models
from pipelines.state.home import Home
from pipelines.state.materialization import Source

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_LARGEST_FILE = 16 << 20  # bytes; larger files stay in the artifact store, the run names their digest


@dataclass(frozen=True)
class Computation:
    """One computation to be recorded: whose, on which parameters, how derived, from what, under which Dagster run."""

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


@cache
def of_recipe(home: Home, tracking_uri: str, recipe: str) -> "Lineage":
    """The recorder of a recipe, opened once a process for each tracking store."""
    return Lineage(home, recipe)


class Lineage:
    """Writes the runs of one recipe's experiment."""

    def __init__(self, home: Home, recipe: str) -> None:
        self._home = home
        self._recipe = recipe
        self._client: MlflowClient = connection.client(home)
        self.experiment_id = _experiment(self._client, home, recipe)
        _close_orphans(self._client, self.experiment_id)

    def start(self, computation: Computation) -> str:
        """Create the run, with its parents, parameters and inputs; returns its id."""
        run = self._client.create_run(self.experiment_id, run_name=computation.asset.name, tags=self._tags(computation))
        try:
            self._client.log_batch(run.info.run_id, params=_params(computation.parameters))
            self._log_inputs(run.info.run_id, computation)
        except BaseException as error:
            self.fail(run.info.run_id, error)
            raise
        return run.info.run_id

    def record(
        self, run_id: str, computation: Computation, result: StageResult, folder: Path, digest: str
    ) -> str | None:
        """Log what came out; returns the id of the logged model, if the stage made one."""
        self._log_metrics(run_id, result)
        self._client.set_tag(run_id, "dagster.data_version", digest)
        model_id = None
        if computation.is_model:
            model_id = mlflow_models.log(
                self._client,
                self.experiment_id,
                run_id,
                self._recipe,
                computation.asset,
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
        self._client.set_tag(run_id, "error", "interrupted" if is_stop else f"{type(error).__name__}: {error}"[:5000])
        self._client.set_terminated(run_id, "KILLED" if is_stop else "FAILED")

    def known(self, sources: Mapping[str, Source]) -> dict[str, Source]:
        """The sources without references that this tracking store cannot resolve: it validates none itself.

        It cannot after `MLFLOW_TRACKING_URI` was pointed elsewhere, or when a reviewer deleted a run.
        """
        return {name: self._resolved(source) for name, source in sources.items()}

    def _resolved(self, source: Source) -> Source:
        from mlflow.exceptions import MlflowException

        try:
            if source.run_id:
                self._client.get_run(source.run_id)
            if source.model_id:
                self._client.get_logged_model(source.model_id)
        except MlflowException:
            return Source(source.digest)
        return source

    def _tags(self, computation: Computation) -> dict[str, str]:
        tags = {
            "dagster.run_id": computation.dagster_run_id,
            "dagster.asset_key": f"{computation.recipe}/{computation.asset.name}",
            "dagster.code_version": computation.derivation,
            "compression.recipe": computation.recipe,
            "compression.asset": computation.asset.name,
            "compression.stage": computation.asset.kind,
            "compression.action": computation.action,
            "mlflow.note.content": self._description(computation),
            **environment.tags(),
        }
        for name, source in computation.sources.items():
            tags[f"upstream.{name}.digest"] = source.digest
            if source.run_id:
                tags[f"upstream.{name}.run_id"] = source.run_id
                tags[f"input.{source.run_id}"] = name  # found by the run's id alone, whatever the asset is called
            if source.model_id:
                tags[f"upstream.{name}.model_id"] = source.model_id
        return tags

    def _description(self, computation: Computation) -> str:
        lines = [f"**{computation.asset.name}** of recipe `{computation.recipe}`, made from", ""]
        for name, source in computation.sources.items():
            if source.run_id:
                link = f"#/experiments/{source.experiment_id}/runs/{source.run_id}?workflowType=machine_learning"
                lines.append(f"- [{name}]({link}), digest `{source.digest[:12]}`")
            else:
                lines.append(f"- {name}, digest `{source.digest[:12]}`")
        return "\n".join(lines)

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
            metrics += [Metric(f"epoch/{name}", float(value), now, step) for name, value in epoch.items()]
        for first in range(0, len(metrics), 1000):
            self._client.log_batch(run_id, metrics=metrics[first : first + 1000])

    def _log_files(self, run_id: str, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.stat().st_size <= _LARGEST_FILE and not path.name.startswith("view_"):
                self._client.log_artifact(run_id, str(path))


def _dataset_input(computation: Computation, name: str) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = computation.sources[name]
    split = "source" if name == RAW_DATA else "test" if computation.reads_test else "train"
    origin = {"recipe": computation.recipe, "asset": name, "mlflow_run_id": source.run_id}
    dataset = Dataset(
        name=f"{computation.recipe}-{name}",
        digest=source.digest[:36],
        source_type="compression",
        source=json.dumps(origin),
        profile=json.dumps({"sha256": source.digest, "split": split}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split)])


def _params(parameters: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    flat = flatten(parameters)
    return [Param(name, str(value)[:6000]) for name, value in flat.items()]


def _experiment(client: "MlflowClient", home: Home, recipe: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(recipe)
    if found is not None:
        return found.experiment_id
    try:
        return client.create_experiment(recipe, connection.artifact_location(home, recipe))
    except MlflowException:  # another process created it in the meantime
        found = client.get_experiment_by_name(recipe)
        if found is None:
            raise
        return found.experiment_id


def _close_orphans(client: "MlflowClient", experiment_id: str) -> None:
    """Mark runs as failed whose process on this machine is gone: it was killed before it could say so."""
    host = platform.node()
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000):
        tags = run.data.tags
        if tags.get("compression.host") == host and not environment.is_alive(tags.get("compression.process", "")):
            client.set_tag(run.info.run_id, "error", "the process that computed this ended before the stage did")
            client.set_terminated(run.info.run_id, "FAILED")
