"""`compression run --search`: tries settings of a recipe's fields, and says which are best."""

from pipelines.pipeline import Pipeline
from pipelines.search import run as searches
from pipelines.search.result import Result
from pipelines.state import room


def run(pipeline: Pipeline) -> Result:
    """Search, or go on with a search, as one run of Dagster's; returns all of its trials.

    Raises RecipeError if the recipe has no section `search`, CompressionError as `pipelines.search.run` does.
    """
    searches.require(pipeline)
    room.require(pipeline.home)
    from pipelines.orchestration import instance
    from pipelines.orchestration import run as dagster_run

    with instance.opened(pipeline.home) as opened:
        dagster_run.search(pipeline, opened)
    return searches.found(pipeline)
