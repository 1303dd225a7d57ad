"""A recipe's search as a job of Dagster's, which a command runs in its process and `dg launch` anywhere."""

import dagster as dg

from compression_ops.errors import CompressionError
from pipelines.orchestration import interrupts, retries
from pipelines.orchestration.executors.steps import canceled
from pipelines.pipeline import Pipeline
from pipelines.search import pages
from pipelines.search import run as searches

# Stages of one pool never run at a time; `dagster.yaml` sets its limit.
POOL = "machine"


def name(recipe: str) -> str:
    """The job's name."""
    return f"{recipe}_search"


def job(pipeline: Pipeline) -> dg.JobDefinition | None:
    """The job that searches; None for a recipe that asks for no search."""
    if pipeline.file.recipe.search is None:
        return None

    @dg.op(name=f"{name(pipeline.recipe)}_trials", pool=POOL, description="All trials that are not finished yet.")
    def trials(context: dg.OpExecutionContext) -> None:
        try:
            with interrupts.raised(), canceled.obeyed(context.instance, context.run_id):
                result = searches.run(pipeline, context.log.info, context.run_id)
        except Exception as error:
            if retries.is_transient(error):
                raise retries.again(context.retry_number) from error
            told = str(error) if isinstance(error, CompressionError) else f"{type(error).__name__}: {error}"
            raise dg.Failure(told, allow_retries=False) from error
        context.add_output_metadata({"result": dg.MetadataValue.md(pages.description(result))})

    @dg.job(
        name=name(pipeline.recipe),
        description=f"Searches for the best setting of {', '.join(pipeline.file.recipe.search.fields)}.",
        executor_def=dg.in_process_executor,
        tags={"compression/recipe": pipeline.recipe},
    )
    def search_job() -> None:
        trials()

    return search_job
