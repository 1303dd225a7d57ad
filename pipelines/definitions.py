"""The code location that Dagster loads: every recipe's assets."""

from pathlib import Path

import dagster as dg

from pipelines import recipe_file


@dg.definitions
def defs() -> dg.Definitions:
    """All recipes; stages of one run share a process, since importing torch and MLflow takes seconds."""
    for name in recipe_file.recipe_names():
        recipe_file.load(name)  # a recipe's mistake is told here, in its own words, before Dagster wraps it in its own
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
