"""Reads lineage back from MLflow alone: from a run to all that it was made from, or to all that was made from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.lineage import connection
from pipelines.state.home import Home

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


@dataclass(frozen=True)
class Node:
    """One computation and its relatives: what it was made from (backwards), or what was made from it (forwards).

    `run_id` is None for data that no run made (the raw files), and for a run that this tracking store has lost.
    """

    asset: str
    recipe: str
    digest: str
    run_id: str | None
    model_id: str | None
    status: str
    started: int
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    relatives: tuple["Node", ...]

    def to_json(self) -> dict[str, Any]:
        """As `compression lineage --json` prints it."""
        return {
            "asset": self.asset,
            "recipe": self.recipe,
            "digest": self.digest,
            "mlflow_run_id": self.run_id,
            "mlflow_model_id": self.model_id,
            "status": self.status,
            "started": self.started,
            "parameters": dict(self.parameters),
            "metrics": dict(self.metrics),
            "inputs": [node.to_json() for node in self.relatives],
        }


class LineageQuery:
    """Questions to one tracking store; each run is read once."""

    def __init__(self, home: Home) -> None:
        self._client: MlflowClient = connection.client(home)
        self._runs: dict[str, Run | None] = {}
        self._forward: dict[str, Node] = {}

    def latest_run(self, recipe: str, asset: str) -> str:
        """The id of the newest finished computation of an asset. Raises CompressionError if MLflow knows none."""
        experiment = self._client.get_experiment_by_name(recipe)
        runs = []
        if experiment is not None:
            where = f"tags.`compression.asset` = '{asset}' and attributes.status = 'FINISHED'"
            order = ["attributes.start_time DESC"]
            runs = self._client.search_runs([experiment.experiment_id], where, max_results=1, order_by=order)
        if not runs:
            raise CompressionError(
                f"MLflow knows no finished computation of {recipe}/{asset}\n  run `compression run {recipe}` first"
            )
        return runs[0].info.run_id

    def backward(self, run_id: str) -> Node:
        """The tree from a run back to the raw data. Raises CompressionError if MLflow does not know the run."""
        run = self._run(run_id)
        if run is None:
            raise CompressionError(f"MLflow does not know a run {run_id!r}")
        relatives = tuple(self._parent(name, source) for name, source in _upstream(run).items())
        return _node(run, relatives)

    def forward(self, run_id: str) -> Node:
        """The tree from a run to all computations that consumed its result, in any recipe, under any name."""
        if run_id not in self._forward:
            run = self._run(run_id)
            if run is None:
                raise CompressionError(f"MLflow does not know a run {run_id!r}")
            children = self._search(f"tags.`input.{run_id}` LIKE '%'")
            self._forward[run_id] = _node(run, tuple(self.forward(child.info.run_id) for child in children))
        return self._forward[run_id]

    def forward_from_raw_data(self, recipe: str) -> Node:
        """As `forward`, from the raw data that the recipe's newest data set was made from."""
        newest = self._run(self.latest_run(recipe, "dataset"))
        assert newest is not None
        digest = newest.data.tags["upstream.raw_data.digest"]
        children = self._search(f"tags.`upstream.raw_data.digest` = '{digest}'")
        relatives = tuple(self.forward(child.info.run_id) for child in children)
        return Node("raw_data", recipe, digest, None, None, "DATA", 0, {}, {}, relatives)

    def _search(self, where: str) -> "list[Run]":
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        found: list[Run] = []
        token = None
        while True:
            order = ["attributes.start_time ASC"]
            page = self._client.search_runs(experiments, where, max_results=1000, order_by=order, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def knows(self, run_id: str) -> bool:
        """Whether this tracking store has a run."""
        return self._run(run_id) is not None

    def _parent(self, name: str, source: Mapping[str, str]) -> Node:
        parent_id = source.get("run_id")
        if parent_id and self._run(parent_id) is not None:
            return self.backward(parent_id)
        status = "NOT IN MLFLOW" if parent_id else "DATA"
        return Node(name, "", source.get("digest", ""), None, source.get("model_id"), status, 0, {}, {}, ())

    def _run(self, run_id: str) -> "Run | None":
        from mlflow.exceptions import MlflowException

        if run_id not in self._runs:
            try:
                self._runs[run_id] = self._client.get_run(run_id)
            except MlflowException:
                self._runs[run_id] = None
        return self._runs[run_id]


def _upstream(run: "Run") -> dict[str, dict[str, str]]:
    """{asset: {digest, run_id, model_id}} from a run's tags `upstream.<asset>.<field>`."""
    found: dict[str, dict[str, str]] = {}
    for tag, value in run.data.tags.items():
        if tag.startswith("upstream."):
            asset, _, field = tag.removeprefix("upstream.").rpartition(".")
            found.setdefault(asset, {})[field] = value
    return found


def _node(run: "Run", relatives: tuple[Node, ...]) -> Node:
    tags = run.data.tags
    model_id = run.outputs.model_outputs[0].model_id if run.outputs and run.outputs.model_outputs else None
    return Node(
        asset=tags["compression.asset"],
        recipe=tags["compression.recipe"],
        digest=tags.get("dagster.data_version", ""),
        run_id=run.info.run_id,
        model_id=model_id,
        status=run.info.status,
        started=run.info.start_time,
        parameters=run.data.params,
        metrics=run.data.metrics,
        relatives=relatives,
    )
