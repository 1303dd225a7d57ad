"""`compression check`."""

import sys

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import OptionalRecipe
from pipelines.cli.terminal.console import fail, out, warn
from pipelines.commands import settings
from pipelines.execution import status
from pipelines.graph.module_source import SourceError
from pipelines.pipeline import Pipeline
from pipelines.recipe import file, passed_over
from pipelines.recipe.error import RecipeError
from pipelines.recipe.rules import warm_ups


def command(recipe: OptionalRecipe = None) -> None:
    """Check recipes, the code that they name, of which none is run but the modules of your own methods, and their data
    as far as no pixel is read.
    """
    settings.require()
    names = [recipe] if recipe else file.recipe_names()
    failed = False
    for name in names:
        try:
            warnings = _checked(name)
        except SourceError as error:  # of a module, which says nothing of the recipe
            fail(f"{error}\n  in recipe {name}")
            failed = True
        except CompressionError as error:
            fail(str(error))
            failed = True
        else:
            out.print(f"{file.displayed(file.path_of(name))}: valid")
            for warning in warnings:
                out.print(f"  warning: {warning}")
    for sentence in () if recipe else passed_over.sentences():
        warn(sentence)
    if failed:
        sys.exit(1)


def _checked(name: str) -> list[str]:
    """Warnings of a recipe. Raises CompressionError for one that is wrong, or that cannot be computed here."""
    checked = file.read(file.find(name))
    pipeline = Pipeline.of(checked)
    graph = pipeline.graph
    _ = graph.versions  # which parses the code of all of its stages
    warnings = dict.fromkeys(warm_ups.warnings(checked.recipe))
    warnings |= dict.fromkeys(each for asset in graph.assets.values() for each in asset.code_warnings)
    try:
        file.require_files(checked)
    except RecipeError as error:
        if status.needs_files(pipeline):
            raise
        kept = "no result needs it now: those that were made from it stay as they are, until one is to be made anew"
        warnings |= dict.fromkeys(f"{found.path}: {found.problem}, {found.found}; {kept}" for found in error.mistakes)
    file.require_readable(checked)
    return list(warnings)
