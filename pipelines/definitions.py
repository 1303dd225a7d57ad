"""The code location that Dagster loads: every recipe's assets, and who is told of failures."""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterUserCodeProcessError
from dagster_shared.error import SerializableErrorInfo

from compression_ops.errors import CompressionError
from pipelines.orchestration import assets, failure_sensor, last_good
from pipelines.orchestration.executors import executor
from pipelines.orchestration.jobs import garbage
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.recipe import passed_over, project
from pipelines.recipe.error import RecipeError
from pipelines.state import home


@dg.definitions
def defs() -> dg.Definitions:
    """All recipes, computed by the executor that the settings choose."""
    with _in_words():
        by = executor.check().configured()
        is_kept = last_good.is_kept()
    names = recipe_file.recipe_names()
    wrong: dict[str, str] = {}
    if is_kept:
        wrong = last_good.mistakes(names, home.current())
        for mistake in wrong.values():
            logging.getLogger("dagster").error(mistake)
    else:
        _check_recipes(names)
    for sentence in passed_over.sentences():
        logging.getLogger("dagster").warning(sentence)
    package = Path(__file__).parent
    if project.checkout() and recipe_file.defs_folder() == package / "defs" and not wrong:
        recipes = [dg.load_from_defs_folder(path_within_project=package)]
    else:  # a folder that Dagster's loader does not reach from here, or a recipe that it would stumble over
        recipes = [_of_recipe(name, wrong.get(name)) for name in names]
    common = dg.Definitions(executor=by, sensors=[failure_sensor.sensor()])
    return dg.Definitions.merge(*recipes, garbage.definitions(), common)


def _of_recipe(name: str, mistake: str | None) -> dg.Definitions:
    if mistake is not None:
        return last_good.definitions(recipe_file.path_of(name), mistake, home.current())
    return assets.definitions(Pipeline.open(name))


def _check_recipes(names: Iterable[str]) -> None:
    """Tell all recipes' mistakes in their own words, before Dagster wraps one in a traceback of its loader."""
    mistakes: list[str] = []
    for name in names:
        try:
            Pipeline.open(name)
        except RecipeError as error:
            mistakes.append(str(error))
    if mistakes:
        raise _without_stack("\n".join(mistakes), "RecipeError")


@contextmanager
def _in_words() -> Generator[None]:
    try:
        yield
    except CompressionError as error:
        raise _without_stack(str(error), "CompressionError") from error


def _without_stack(message: str, kind: str) -> DagsterUserCodeProcessError:
    """Of this exception alone Dagster shows the message without a stack: a user's typing error needs none."""
    return DagsterUserCodeProcessError(
        message, user_code_process_error_infos=[SerializableErrorInfo(message, [], kind)]
    )
