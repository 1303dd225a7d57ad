"""A computation and its result, as a run of MLflow's tells of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.graph.asset import RAW_DATA
from pipelines.graph.flatten import flatten
from pipelines.lineage import inputs, names
from pipelines.lineage.query import Node
from pipelines.state.materialization import MadeOn, Source


@dataclass(frozen=True)
class Computation:
    """One computation to be recorded: whose, on which parameters, how derived, from what, under which Dagster run.

    asset, kind    the asset's name and kind
    parameters     with what was observed in them; the recipe's own are the asset's
    sources        what it loads, as far as the tracking store knows it
    started        seconds since 1970
    tags           who computes, where, with what
    is_model       whether its artifact is a model, with a page of its own
    is_evaluation  whether its metrics (`student/small.test_accuracy`) are about the models that it loads
    reads_test     whether it reads the test split
    made_from      the trees back from what it loads, as `Lineage.ancestry` finds them
    changes        what changed since the last result of the asset, None if there is none
    last           that result
    """

    recipe: str
    asset: str
    kind: str
    parameters: Mapping[str, Any]
    derivation: str
    action: str
    sources: Mapping[str, Source]
    dagster_run_id: str
    started: float
    tags: Mapping[str, str]
    is_model: bool
    is_evaluation: bool
    reads_test: bool
    made_from: tuple[Node, ...]
    changes: Sequence[str] | None
    last: Source | None


@dataclass(frozen=True)
class Result:
    """What came out: headline metrics, one mapping of metrics an epoch, where, and when, in seconds since 1970."""

    metrics: Mapping[str, float]
    epochs: Sequence[Mapping[str, float]]
    made_on: MadeOn | None
    ended: float


def tags(computation: Computation) -> dict[str, str]:
    """All tags of a run but its description, which nobody would read among a parent's and a package's."""
    own = {
        names.RECIPE: computation.recipe,
        names.ASSET: computation.asset,
        names.STAGE: computation.kind,
        names.DAGSTER_ASSET: names.asset_key(computation.recipe, computation.asset),
        names.DAGSTER_RUN: computation.dagster_run_id,
        names.CODE_VERSION: computation.derivation,
        names.ACTION: computation.action,
    }
    return own | dict(computation.tags) | inputs.to_tags(computation.sources)


def dataset_input(computation: Computation, name: str) -> Any:
    """The data set that a computation reads, for MLflow."""
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


def params(parameters: Mapping[str, Any]) -> list[Any]:
    """Parameters for MLflow, under their path."""
    from mlflow.entities import Param

    flat = flatten(parameters)
    return [Param(name, str(value)[: names.PARAMETER_LIMIT]) for name, value in flat.items()]
