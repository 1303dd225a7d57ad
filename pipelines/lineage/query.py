"""Reads lineage back from MLflow alone: from a run to all that it was made from, or to all that was made from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.graph.asset import OBSERVED
from pipelines.lineage import connection, inputs, names
from pipelines.lineage.records import Records
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization, Source

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# {run: {asset: what it loaded}}, where MLflow does not know.
_Inputs = Mapping[str, Mapping[str, Source]]


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
    """Questions to one tracking store; what it answered is not asked for again."""

    def __init__(self, home: Home) -> None:
        self._client: MlflowClient = connection.client(home)
        self._records = Records(self._client)
        self._backward: dict[str, Node] = {}
        self._forward: dict[str, Node] = {}

    def latest_run(self, recipe: str, asset: str) -> str:
        """The id of the newest finished computation of an asset. Raises CompressionError if MLflow knows none."""
        experiment = self._client.get_experiment_by_name(names.experiment(recipe))
        runs = []
        if experiment is not None:
            where = f"tags.`{names.ASSET}` = '{asset}' and attributes.status = 'FINISHED'"
            runs = self._newest(experiment.experiment_id, where)
        if not runs:
            raise CompressionError(
                f"MLflow knows no finished computation of {recipe}/{asset}\n  run `compression run {recipe}` first; if "
                f"that finds nothing to compute, MLflow lost it: `compression sync-lineage {recipe}` records it anew"
            )
        return runs[0].info.run_id

    def _newest(self, experiment_id: str, where: str) -> "list[Run]":
        """The newest run, if there is one; of those in MLflow's trash only where nothing else is left."""
        from mlflow.entities import ViewType

        order = ["attributes.start_time DESC"]
        for view in (ViewType.ACTIVE_ONLY, ViewType.ALL):
            found = self._client.search_runs([experiment_id], where, view, max_results=1, order_by=order)
            if found:
                return list(found)
        return []

    def backward(self, run_id: str) -> Node:
        """The tree from a run back to the raw data. Raises CompressionError if MLflow does not know the run."""
        return self._made(self._known_run(run_id), {})

    def parents(self, sources: Mapping[str, Source], history: Sequence[Materialization]) -> tuple[Node, ...]:
        """The trees back from what a computation loads, {asset: what is loaded}.

        `history` is what is known of the ancestors without MLflow. With it one question reads all runs at once, and
        one that MLflow has lost does not hide what it was made from.
        """
        made = {entry.asset: Source(entry.digest, entry.run_id, None, entry.experiment_id) for entry in history}
        self._read(sources, made, *(entry.inputs for entry in history))
        return self._parents(sources, {entry.run_id: entry.inputs for entry in history})

    def forward(self, run_id: str) -> Node:
        """The tree from a run to all computations that consumed its result, in any recipe, under any name."""
        if run_id not in self._forward:
            self._forward[run_id] = _node(self._known_run(run_id), self._consumers(run_id))
        return self._forward[run_id]

    def forward_from_data(self, recipe: str, name: str, reader: str) -> Node:
        """As `forward`, from what is observed, as the newest run of the asset that reads it found it."""
        newest = self._known_run(self.latest_run(recipe, reader))
        found = inputs.from_tags(newest.data.tags).get(name)
        if found is None:
            raise CompressionError(f"the newest {reader} of {recipe} in MLflow was not made from {name}")
        return Node(name, found.digest, "DATA", recipe, relatives=self._consumers(found.digest))

    def run(self, run_id: str) -> "Run | None":
        """A run, one in MLflow's trash too; None if this tracking store does not have it."""
        return self._records.run(run_id)

    def knows(self, run_id: str) -> bool:
        """Whether this tracking store has a run."""
        return self.run(run_id) is not None

    def known_models(self, sources: Iterable[Source]) -> set[str]:
        """The ids of the models of some sources that this tracking store has."""
        return self._records.models(
            {found.model_id: found.experiment_id for found in sources if found.model_id and found.experiment_id}
        )

    def _read(self, *loaded: Mapping[str, Source]) -> None:
        """Read the runs of many sources at once."""
        sources = (source for found in loaded for source in found.values())
        self._records.read_runs({s.run_id: s.experiment_id for s in sources if s.run_id and s.experiment_id})

    def _parents(self, sources: Mapping[str, Source], made_from: _Inputs) -> tuple[Node, ...]:
        return tuple(self._parent(name, source, made_from) for name, source in sources.items())

    def _parent(self, name: str, source: Source, made_from: _Inputs) -> Node:
        run = self._records.run(source.run_id) if source.run_id else None
        if run is not None:
            return replace(self._made(run, made_from), asset=name)
        relatives = self._parents(made_from.get(source.run_id or "", {}), made_from)
        status = "DATA" if name in OBSERVED else "NOT IN MLFLOW"
        return Node(name, source.digest, status, model_id=source.model_id, relatives=relatives)

    def _made(self, run: "Run", made_from: _Inputs) -> Node:
        run_id = run.info.run_id
        if run_id not in self._backward:
            sources = inputs.from_tags(run.data.tags)
            self._read(sources)
            self._backward[run_id] = _node(run, self._parents(sources, made_from))
        return self._backward[run_id]

    def _consumers(self, identity: str) -> tuple[Node, ...]:
        """The trees forward from what was made from a run, or from data with a digest."""
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        found: dict[str, None] = {}
        for where in inputs.consumers(identity):
            token = None
            while True:
                order = ["attributes.start_time ASC"]
                page = self._client.search_runs(experiments, where, max_results=1000, order_by=order, page_token=token)
                found |= dict.fromkeys(run.info.run_id for run in page)
                token = page.token
                if not token:
                    break
        return tuple(self.forward(run_id) for run_id in found)

    def _known_run(self, run_id: str) -> "Run":
        run = self._records.run(run_id)
        if run is None:
            raise CompressionError(
                f"MLflow does not know a run {run_id!r}\n  allowed: the whole id of a run, 32 characters; "
                "`compression lineage RECIPE` and MLflow's pages tell them"
            )
        return run


def _node(run: "Run", relatives: tuple[Node, ...]) -> Node:
    tags = run.data.tags
    model_id = run.outputs.model_outputs[0].model_id if run.outputs and run.outputs.model_outputs else None
    return Node(
        asset=tags.get(names.ASSET) or run.info.run_name or run.info.run_id,
        digest=tags.get(names.DATA_VERSION, ""),
        status=run.info.status,
        recipe=tags.get(names.RECIPE, ""),
        experiment_id=run.info.experiment_id,
        run_id=run.info.run_id,
        model_id=model_id,
        started=run.info.start_time,
        parameters=run.data.params,
        metrics=run.data.metrics,
        relatives=relatives,
    )
