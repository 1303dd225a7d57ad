"""Reads lineage back from MLflow alone: from a run to all that it was made from, or to all that was made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.graph.asset import OBSERVED, RAW_DATA
from pipelines.lineage import connection, inputs, names
from pipelines.state.home import Home
from pipelines.state.materialization import Source

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


@dataclass(frozen=True)
class Node:
    """One computation and its relatives: what it was made from (backwards), or what was made from it (forwards).

    asset             as its consumer calls it
    experiment_id, run_id   None for data that no run made (the raw files), and for a run that this tracking store lost
    status            of the run in MLflow, or `DATA`, or `NOT IN MLFLOW`
    started           milliseconds since 1970
    """

    asset: str
    digest: str
    status: str
    recipe: str = ""
    experiment_id: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    started: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    relatives: tuple["Node", ...] = ()

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
    """Questions to one tracking store; each run that it knows is read once."""

    def __init__(self, home: Home) -> None:
        self._client: MlflowClient = connection.client(home)
        self._runs: dict[str, Run] = {}
        self._backward: dict[str, Node] = {}
        self._forward: dict[str, Node] = {}

    def latest_run(self, recipe: str, asset: str) -> str:
        """The id of the newest finished computation of an asset. Raises CompressionError if MLflow knows none."""
        experiment = self._client.get_experiment_by_name(names.experiment(recipe))
        runs = []
        if experiment is not None:
            where = f"tags.`{names.ASSET}` = '{asset}' and attributes.status = 'FINISHED'"
            order = ["attributes.start_time DESC"]
            runs = self._client.search_runs([experiment.experiment_id], where, max_results=1, order_by=order)
        if not runs:
            raise CompressionError(
                f"MLflow knows no finished computation of {recipe}/{asset}\n  run `compression run {recipe}` first"
            )
        return runs[0].info.run_id

    def backward(self, run_id: str) -> Node:
        """The tree from a run back to the raw data. Raises CompressionError if MLflow does not know the run."""
        if run_id not in self._backward:
            run = self._known_run(run_id)
            self._backward[run_id] = _node(run, self.parents(inputs.from_tags(run.data.tags)))
        return self._backward[run_id]

    def parents(self, sources: Mapping[str, Source]) -> tuple[Node, ...]:
        """The trees back from what a computation loads, {asset: what is loaded}."""
        return tuple(self._parent(name, source) for name, source in sources.items())

    def forward(self, run_id: str) -> Node:
        """The tree from a run to all computations that consumed its result, in any recipe, under any name."""
        if run_id not in self._forward:
            children = self._search(inputs.consumers(run_id))
            relatives = tuple(self.forward(child.info.run_id) for child in children)
            self._forward[run_id] = _node(self._known_run(run_id), relatives)
        return self._forward[run_id]

    def forward_from_raw_data(self, recipe: str) -> Node:
        """As `forward`, from the raw data that the recipe's newest data set was made from."""
        newest = self._known_run(self.latest_run(recipe, "dataset"))
        digest = inputs.from_tags(newest.data.tags)[RAW_DATA].digest
        children = self._search(inputs.consumers(digest))
        relatives = tuple(self.forward(child.info.run_id) for child in children)
        return Node(RAW_DATA, digest, "DATA", recipe, relatives=relatives)

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

    def _parent(self, name: str, source: Source) -> Node:
        if source.run_id and self._run(source.run_id) is not None:
            return replace(self.backward(source.run_id), asset=name)
        return Node(name, source.digest, "DATA" if name in OBSERVED else "NOT IN MLFLOW", model_id=source.model_id)

    def _known_run(self, run_id: str) -> "Run":
        run = self._run(run_id)
        if run is None:
            raise CompressionError(f"MLflow does not know a run {run_id!r}")
        return run

    def _run(self, run_id: str) -> "Run | None":
        from mlflow.exceptions import MlflowException

        if run_id not in self._runs:
            try:
                self._runs[run_id] = self._client.get_run(run_id)
            except MlflowException:
                return None
        return self._runs[run_id]


def _node(run: "Run", relatives: tuple[Node, ...]) -> Node:
    tags = run.data.tags
    model_id = run.outputs.model_outputs[0].model_id if run.outputs and run.outputs.model_outputs else None
    return Node(
        asset=tags[names.ASSET],
        digest=tags.get(names.DATA_VERSION, ""),
        status=run.info.status,
        recipe=tags[names.RECIPE],
        experiment_id=run.info.experiment_id,
        run_id=run.info.run_id,
        model_id=model_id,
        started=run.info.start_time,
        parameters=run.data.params,
        metrics=run.data.metrics,
        relatives=relatives,
    )
