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
from pipelines.orchestration.executors import executor
from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from pipelines.state import home


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


class CutShort(CompressionError):
    """What kept the lineage of a recipe from being completed; `synced` is what was done before."""

    def __init__(self, message: str, synced: Synced) -> None:
        super().__init__(message)
        self.synced = synced


def sync(recipe: str) -> Synced:
    """Complete the lineage of a recipe; of one whose file is gone, what MLflow did not hear of.

    Raises RecipeError for a recipe that is wrong; CutShort if MLflow is out of reach, or goes out of reach meanwhile.
    """
    is_gone = recipe not in file.recipe_names() and recipe in _unheard()
    pipeline = None if is_gone else Pipeline.open(recipe)
    sync = later.of_home(home.current()) if pipeline is None else later.of(pipeline)
    decided: list[str] = []
    try:
        sync.unrecorded(recipe)  # of a search, too
        missing = _complete(pipeline, sync, decided) if pipeline is not None else []
    except CompressionError as error:
        done = Synced(recipe, tuple(sync.told), tuple(decided), tuple(sync.refused))
        raise CutShort(str(error), done) from error
    return Synced(recipe, tuple(sync.told), tuple(decided), (*sync.refused, *missing))


def _complete(pipeline: Pipeline, sync: later.Sync, decided: list[str]) -> list[str]:
    """Find again what MLflow lost and decide what waits, told in `decided`; returns what is missing still, in words."""
    kinds = {name: asset.kind for name, asset in pipeline.graph.assets.items()}
    if not any(pipeline.latest(name) for name in kinds):
        return []
    sync.lost(pipeline.recipe, kinds)
    for name in _undecided(pipeline):
        decided += [name] if _decide(pipeline, name) else []
    return [*_missing(pipeline, sync.told, decided)]


def _unheard() -> set[str]:
    """The recipes of which MLflow did not hear all, those among them whose file is gone."""
    return later.of_home(home.current()).recipes()


def _undecided(pipeline: Pipeline) -> list[str]:
    """What waits to be decided in MLflow, or was and does not stand, and can be: all that it is made from is there."""
    statuses = status.of_pipeline(pipeline, executor.is_here())
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
    statuses = status.of_pipeline(pipeline, executor.is_here())
    for name in pipeline.graph.assets:
        if statuses[name].state == "fresh":
            postponed.forget(pipeline.home, pipeline.recipe, name)
        elif postponed.is_asked(pipeline.home, pipeline.recipe, name) and name not in decided:
            yield f"{name}: waits for what it is made from\n  run `compression run {pipeline.recipe}`"


def names(recipe: str | None) -> list[str]:
    """The recipe of a name, or all, and those whose file is gone; MLflow is asked anew, whatever it answered before."""
    outage.forget()
    return [recipe] if recipe else [*file.recipe_names(), *sorted(_unheard().difference(file.recipe_names()))]
