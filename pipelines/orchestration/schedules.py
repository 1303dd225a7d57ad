"""A recipe's schedule: at every tick it looks at the raw data and asks for one run of all that is affected."""

from collections.abc import Callable

import dagster as dg

from compression_ops.errors import CompressionError
from compression_ops.progress import silent
from pipelines.execution import status
from pipelines.graph.asset import OBSERVED
from pipelines.kinds import kind
from pipelines.observed import generation
from pipelines.observed.files import ObservedFiles
from pipelines.orchestration import automation
from pipelines.orchestration.executors import executor
from pipelines.orchestration.keys import key
from pipelines.pipeline import Pipeline
from pipelines.recipe.sections import Schedule

GENERATION_TAG = "compression/generation"  # of a run that is to train with the seeds of this generation


def of_recipe(pipeline: Pipeline, keys: list[dg.AssetKey]) -> dg.ScheduleDefinition | None:
    """The schedule that the recipe states, running unless it says `enabled: false`; None if it states none.

    `keys` are all of its assets, those that are only observed among them.
    """
    settings = pipeline.file.recipe.schedule
    if settings is None:
        return None
    return dg.ScheduleDefinition(
        name=f"{pipeline.recipe}_schedule",
        description=_description(settings),
        target=dg.AssetSelection.assets(*keys),
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        execution_fn=_tick(pipeline, settings, keys),
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if settings.enabled else dg.DefaultScheduleStatus.STOPPED
        ),  # until somebody uses its switch in the UI, which is remembered
    )


def _description(settings: Schedule) -> str:
    if settings.reseed:
        return "Looks at the raw data, then trains everything anew with the next seeds."
    return "Looks at the raw data and, if anything is out of date, computes what is affected."


def _tick(
    pipeline: Pipeline, settings: Schedule, keys: list[dg.AssetKey]
) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    """Evaluating a tick changes nothing: the UI's *Test schedule* may do it at any time."""
    recipe = pipeline.recipe

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tags = {**automation.RUN_TAGS, "compression/recipe": recipe}
        if settings.reseed:
            target = generation.current(pipeline.home, recipe) + 1
            context.log.info(f"{recipe}: asking for generation {target} of the seeds")
            return dg.RunRequest(asset_selection=keys, tags={**tags, GENERATION_TAG: str(target)})
        try:
            waiting = [item for item in status.of_pipeline(pipeline, executor.is_here()).values() if item.is_due]
            digests = [
                f"the {files.words} of {recipe} are those of digest {_digest(pipeline, files)[:12]}"
                for files in _observed(pipeline)
            ]
        except (CompressionError, OSError) as error:
            return dg.SkipReason(f"The files of {recipe} cannot be read; what was made of them stays in use: {error}")
        if not waiting:
            return dg.SkipReason(f"Nothing new: {', '.join(digests)}, as before.")
        causes = "; ".join(f"{item.asset}: {item.causes[0].words()}" for item in waiting if item.causes)
        context.log.info(f"{recipe}: {causes}")
        observed = {key(recipe, name) for name in OBSERVED}
        wanted = observed | {key(recipe, item.asset) for item in waiting}
        return dg.RunRequest(asset_selection=[known for known in keys if known in wanted], tags=tags)

    return evaluate


def _observed(pipeline: Pipeline) -> list[ObservedFiles]:
    """The sorts of files that the recipe's assets are made from."""
    inputs = dict.fromkeys(name for asset in pipeline.graph.assets.values() for name in asset.inputs)
    return [files for name in inputs if (files := kind.files(name)) is not None]


def _digest(pipeline: Pipeline, files: ObservedFiles) -> str:
    root = files.obtain(pipeline.file, pipeline.home, silent)
    return files.digest(pipeline.file, pipeline.home, root)
