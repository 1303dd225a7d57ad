"""A search from its beginning, or from where it was stopped, to its end."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from compression_ops.errors import CompressionError
from compression_ops.progress import silent
from pipelines.execution import device, progress
from pipelines.execution.log import Log
from pipelines.execution.materialize import Run
from pipelines.graph import digests
from pipelines.graph.asset import GENERATION
from pipelines.kinds import kind
from pipelines.kinds import search as searched
from pipelines.observed import generation
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.recipe.error import Mistake, RecipeError
from pipelines.recipe.searched.section import Search
from pipelines.search import pages, space, trial
from pipelines.search.pruning import Pruning
from pipelines.search.result import Result
from pipelines.search.study import Study, Trial, mend
from pipelines.state import room
from pipelines.state.history import History
from pipelines.state.home import SEARCHING
from pipelines.state.journal import journal as journals

_TAKEN = "another {} searches for {} already\n  wait for it, or stop it: the search goes on from there"
_PATIENCE = 5.0  # seconds, while `compression gc` looks into the study


@dataclass(frozen=True)
class _Opened:
    """A search of a recipe, and where it is kept."""

    pipeline: Pipeline
    search: Search
    folder: Path
    study: Study

    def result(self, run_id: str | None = None) -> Result:
        return Result(
            recipe=self.pipeline.recipe,
            objectives=self.search.objectives,
            constraints=tuple(self.search.constraints),
            fields=tuple(self.search.fields),
            trials=self.study.trials(),
            total=self.study.total,
            best=self.study.best(),
            folder=self.folder,
            run_id=run_id,
        )


def require(pipeline: Pipeline) -> Search:
    """The recipe's section. Raises RecipeError if it has none."""
    search = pipeline.file.recipe.search
    if search is None:
        allowed = "a section `search` with `fields`, and `maximize` or `minimize`, as docs/search.md shows"
        mistake = Mistake(1, "search", "missing", "", allowed)
        raise RecipeError(recipe_file.displayed(pipeline.file.path), [mistake])
    return search


def found(pipeline: Pipeline) -> Result:
    """What the search of a recipe has found so far."""
    return _open(pipeline, is_looked_at=True).result()


def run(pipeline: Pipeline, log: Log, dagster_run_id: str = "") -> Result:
    """Try settings until as many are tried as the recipe says. One that was begun and stopped is gone on with.

    Raises CompressionError, before anything is computed, if another process searches here, if the device or the files
    that are needed are not here; at the end if no trial came to its end.
    """
    require(pipeline)
    room.require(pipeline.home)
    recipe_file.require_files(pipeline.file)
    device.check()
    folder = _folder(pipeline)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / SEARCHING, timeout=_PATIENCE), _alone(pipeline, folder):
            mend(folder)
            return _all_trials(_open(pipeline), log, dagster_run_id)
    except Timeout:
        raise CompressionError(_TAKEN.format("process", pipeline.recipe)) from None


def _alone(pipeline: Pipeline, folder: Path) -> AbstractContextManager[None]:
    """No other machine searches here. Raises CompressionError if one does."""

    def refuse() -> None:
        raise CompressionError(_TAKEN.format("machine", pipeline.recipe))

    return pipeline.home.journal.turn(f"search/{folder.name}", refuse) if journals.is_shared() else nullcontext()


def _open(pipeline: Pipeline, is_looked_at: bool = False) -> _Opened:
    search, folder = require(pipeline), _folder(pipeline)
    shared = pipeline.home.trials.within(f"{pipeline.recipe}/{folder.name}") if journals.is_shared() else None
    study = Study(folder, search, space.distributions(pipeline.file, search), shared, is_looked_at)
    return _Opened(pipeline, search, folder, study)


def _folder(pipeline: Pipeline) -> Path:
    return pipeline.home.searches / pipeline.recipe / _key(pipeline, require(pipeline))[:16]


def _key(pipeline: Pipeline, search: Search) -> str:
    """What makes a search another one: what it asks, and everything that its trials are made from beside the fields
    that it sets. More trials go on with the same one, and so does the recipe that takes its best setting.
    """
    fixed = Pipeline.of(recipe_file.with_values(pipeline.file, space.canonical(search)), pipeline.home)
    names = searched.asked(search, fixed.graph)
    observed: dict[str, str] = {}
    for name in {known for each in names for known in fixed.graph.assets[each].inputs}:
        files = kind.files(name)
        if files is not None:
            root = files.obtain(pipeline.file, pipeline.home, silent)
            observed[name] = files.digest(pipeline.file, pipeline.home, root)
        elif name == GENERATION:
            observed[name] = str(generation.current(pipeline.home, pipeline.recipe))
    unasked = {"trials"} if searched.watched(search, fixed.graph) else {"trials", "pruner"}
    asked = search.model_dump(mode="json", exclude=unasked)
    fractional = space.fractional(pipeline.file, search)
    derivations = {name: fixed.graph.derivations[name] for name in names}
    return digests.of_value([asked, derivations, observed, *([fractional] if fractional else [])])


def _all_trials(opened: _Opened, log: Log, dagster_run_id: str) -> Result:
    from pipelines.lineage.search.runs import SearchRuns

    pipeline, search, study = opened.pipeline, opened.search, opened.study
    history = History(pipeline.home.trials.within(f"{pipeline.recipe}/{opened.folder.name}/history"))
    study.begin_with(space.present(pipeline.file, search))
    runs = SearchRuns(pipeline.home, pipeline.recipe, opened.folder.name, _parameters(search))
    try:
        while (asked := study.next()) is not None:
            name = f"trial {asked.number}"
            progress.report(progress.Started(name))
            run_id = runs.begin(asked.number, asked.params)
            within, pruning = Run(dagster_run_id, parent=run_id), Pruning(study, asked, search, runs.epochs)
            tried = trial.run(pipeline, search, asked.params, history, log, within, pruning)
            runs.tell(tried.numbers, tried.outcome, tried.cause, tried.entries, tried.epoch)
            told = Trial(
                number=asked.number,
                outcome=tried.outcome,
                values=dict(asked.params),
                numbers=tried.numbers,
                cause=tried.cause,
                computed=tried.computed,
                run_id=run_id,
                seconds=tried.seconds,
                feasible=tried.outcome == "complete" and not tried.cause,
                epoch=tried.epoch,
            )
            study.tell(asked, told)
            log(f"{name} of {study.total}: {pages.words(told)}")
            progress.report(progress.Ended(name, tried.outcome, tried.seconds))
        result = opened.result(runs.run_id)
        runs.end("FINISHED", pages.description(result), pages.write(result))
    except BaseException as error:
        runs.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    if all(each.outcome == "failed" for each in result.trials):
        raise CompressionError(f"every trial failed; the last one: {result.trials[-1].cause}")
    return result


def _parameters(search: Search) -> dict[str, str]:
    pruner = {} if len(search.objectives) > 1 else {"pruner": search.pruner}
    fields = {f"fields.{name}": domain.model_dump(exclude_none=True) for name, domain in search.fields.items()}
    limits = {f"constraints.{name}": limit.model_dump(exclude_none=True) for name, limit in search.constraints.items()}
    stated = {"seed": search.seed, "sampler": search.sampler, **pruner, **search.objectives, **limits, **fields}
    return {name: str(value) for name, value in stated.items()}
