"""One trial: the recipe with some fields changed, materialized as far as the search asks, in a history of its own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.execution import materialize, progress
from pipelines.execution.log import Log
from pipelines.execution.materialize import Run
from pipelines.kinds import search as searched
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.recipe.error import RecipeError
from pipelines.recipe.searched.section import Search
from pipelines.search.pruning import Pruning
from pipelines.search.study import Outcome, broken
from pipelines.state.history import History
from pipelines.state.materialization import Materialization


@dataclass
class Tried:
    """What became of a trial (see `study.Trial`), with its results in the order in which they were made."""

    outcome: Outcome = "complete"
    cause: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    entries: list[Materialization] = field(default_factory=list)
    seconds: float = 0.0
    epoch: int | None = None

    @property
    def computed(self) -> tuple[str, ...]:
        """The assets that were not known already."""
        return tuple(entry.asset for entry in self.entries if entry.computed)


def run(
    pipeline: Pipeline,
    search: Search,
    values: Mapping[str, Any],
    history: History,
    log: Log,
    within: Run,
    pruning: Pruning,
) -> Tried:
    """Try a setting. What was computed before, by whichever recipe, run or trial, is not computed again.

    pipeline  of the recipe as it stands, whose own history stays as it is
    history   of the trials
    within    the runs that its stages belong to
    pruning   what ends a training without hope

    Raises what a stage raises, but for CompressionError: then the trial failed.
    """
    tried, started = Tried(), time.monotonic()
    try:
        changed = Pipeline.of(recipe_file.with_values(pipeline.file, values), pipeline.home)
        own = replace(changed, history=history)
        with pruning.of(own.graph):
            _materialize(own, search, tried, log, within, pruning)
    except progress.Pruned as pruned:
        tried.outcome, tried.cause, tried.epoch = "pruned", str(pruned), pruning.epoch
    except RecipeError as error:
        first = error.mistakes[0]
        words = f"{first.path}: {first.problem}; found {first.found}; allowed: {first.allowed}"
        tried.outcome, tried.cause = "pruned", f"the recipe refuses this setting: {words}"
    except CompressionError as error:
        tried.outcome, tried.cause = "failed", str(error)
    tried.seconds = time.monotonic() - started
    return tried


def _materialize(pipeline: Pipeline, search: Search, tried: Tried, log: Log, within: Run, pruning: Pruning) -> None:
    """One asset after the other, until a constraint is broken or a gate that blocks is not passed."""
    if lacking := searched.lacking(search, pipeline.graph):
        raise CompressionError(f"with this setting there is no {', '.join(lacking)}")
    names = searched.asked(search, pipeline.graph)
    for name in names:
        entry = materialize.materialize(pipeline, name, log, within)
        tried.entries.append(entry)
        if not entry.computed:
            pruning.known(entry)
        tried.numbers |= _numbers(entry, search)
        words = broken(search, tried.numbers)
        tried.cause = "; ".join([*words, *(check.words for check in entry.blocked)])
        if tried.cause and name != names[-1]:
            tried.outcome = "pruned"
            return


def _numbers(entry: Materialization, search: Search) -> dict[str, float]:
    """Those that are asked of a result. Raises CompressionError where its stage told one of them not."""
    asked = {number: number.rpartition(".")[2] for number in search.numbers if number.rpartition(".")[0] == entry.asset}
    for number, metric in asked.items():
        if metric not in entry.metrics:
            raise CompressionError(f"{entry.asset} told no {metric}, for which the search asks as {number}")
    return {number: entry.metrics[metric] for number, metric in asked.items()}
