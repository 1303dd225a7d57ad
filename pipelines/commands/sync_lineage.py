"""`compression sync-lineage`: MLflow is told what it did not hear of, and gets back what somebody deleted there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.commands import run as runner
from pipelines.execution import status
from pipelines.execution.recording import later, outage, postponed
from pipelines.execution.recording.later import Told
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline
from pipelines.recipe import file


@dataclass(frozen=True)
class Synced:
    """What was done for one recipe.

    told     computations that MLflow was told of, and runs that it got back
    decided  assets that are decided in MLflow, and were, since they had waited or somebody had undone them
    missing  what could not be completed, in words with a cure
    """

    recipe: str
    told: tuple[Told, ...]
    decided: tuple[str, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `compression sync-lineage --json` prints it."""
        return {
            "recipe": self.recipe,
            "told": [item.to_json() for item in self.told],
            "decided": list(self.decided),
            "missing": list(self.missing),
        }


def sync(names: Iterable[str]) -> list[Synced]:
    """Complete the lineage of some recipes.

    Raises CompressionError if MLflow is out of reach; RecipeError for a recipe that is wrong.
    """
    return [_of_recipe(Pipeline.open(name)) for name in names]


def _of_recipe(pipeline: Pipeline) -> Synced:
    sync, recipe = later.of(pipeline), pipeline.recipe
    kinds = {name: asset.kind for name, asset in pipeline.graph.assets.items()}
    told = sync.unrecorded(recipe)  # of a search, too
    if not any(pipeline.latest(name) for name in kinds):
        return Synced(recipe, tuple(told), (), tuple(sync.refused))
    told += sync.lost(recipe, kinds)
    decided = [name for name in _undecided(pipeline) if _decide(pipeline, name)]
    return Synced(recipe, tuple(told), tuple(decided), (*sync.refused, *_missing(pipeline, told, decided)))


def _undecided(pipeline: Pipeline) -> list[str]:
    """What waits to be decided in MLflow, or was and does not stand, and can be: all that it is made from is there."""
    statuses = status.of_pipeline(pipeline)
    found: list[str] = []
    for name, asset in pipeline.graph.assets.items():
        above = [statuses[known] for known in pipeline.graph.upstream(name) if known != name]
        is_asked = postponed.is_asked(pipeline.home, pipeline.recipe, name)
        was_undone = any(cause.kind == "undone" for cause in statuses[name].causes)
        is_due = statuses[name].is_due and all(known.state == "fresh" for known in above)
        if kind.named(asset.kind).decide and is_due and (is_asked or was_undone):
            found.append(name)
    return found


def _decide(pipeline: Pipeline, name: str) -> bool:
    report = runner.run(pipeline, [name])
    failures = [item.cause for item in report.outcomes if item.outcome == "failed"]
    if failures:
        raise CompressionError(f"{name} could not be decided: {failures[0]}")
    return name in report.named("computed") or name in report.named("reused")


def _missing(pipeline: Pipeline, told: Iterable[Told], decided: Iterable[str]) -> Iterable[str]:
    for item in told:
        if not item.has_files:
            yield (
                f"{item.asset}: its artifact is not in the store any more, so its run has no files and no model\n"
                f"  `compression run {item.recipe}` computes it again if it is needed"
            )
    statuses = status.of_pipeline(pipeline)
    for name in pipeline.graph.assets:
        if statuses[name].state == "fresh":
            postponed.forget(pipeline.home, pipeline.recipe, name)
        elif postponed.is_asked(pipeline.home, pipeline.recipe, name) and name not in decided:
            yield f"{name}: waits for what it is made from\n  run `compression run {pipeline.recipe}`"


def names(recipe: str | None) -> list[str]:
    """The recipe of a name, or all; MLflow is asked anew, whatever it answered before."""
    outage.forget()
    return [recipe] if recipe else file.recipe_names()
