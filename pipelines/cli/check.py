"""`compression check`."""

import sys

from pipelines.cli.arguments import OptionalRecipe
from pipelines.cli.terminal.console import fail, out
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError


def command(recipe: OptionalRecipe = None) -> None:
    """Check recipes without computing anything."""
    names = [recipe] if recipe else file.recipe_names()
    failed = False
    for name in names:
        try:
            checked = file.load(name)
        except RecipeError as error:
            fail(str(error))
            failed = True
        else:
            out.print(f"{file.displayed(checked.path)}: valid")
    if failed:
        sys.exit(1)
