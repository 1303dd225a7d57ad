"""A recipe's job as every process that computes a part of it opens it again: by the recipe's file."""

from pathlib import Path

import dagster as dg
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from pipelines.orchestration import assets
from pipelines.orchestration.executors import executor
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file


def definitions(path: str) -> dg.Definitions:
    """The assets of the recipe in a file, computed by the executor that the settings choose."""
    pipeline = Pipeline.of(recipe_file.read(Path(path)))
    return dg.Definitions.merge(assets.definitions(pipeline), dg.Definitions(executor=executor.chosen().configured()))


def reconstructable(pipeline: Pipeline) -> ReconstructableJob:
    """What other processes make `definitions` of."""
    folder = str(Path.cwd())
    pointer = CustomPointer(ModuleCodePointer(__name__, definitions.__name__, folder), [str(pipeline.file.path)], [])
    repository = ReconstructableRepository(pointer, entry_point=executor.chosen().begins)
    return repository.get_reconstructable_job(IMPLICIT_ASSET_JOB_NAME)
