"""`compression check`."""

import sys

from pipelines import recipe_file
from pipelines.cli.arguments import OptionalRecipe
from pipelines.cli.console import fail, out
from pipelines.recipe_error import RecipeError


def command(recipe: OptionalRecipe = None) -> None:
    """Check recipes without computing anything."""
    names = [recipe] if recipe else recipe_file.recipe_names()
    failed = False
    for name in names:
        try:
            checked = recipe_file.load(name)
        except RecipeError as error:
            fail(str(error))
            failed = True
        else:
            out.print(f"{recipe_file.displayed(checked.path)}: valid")
    if failed:
        sys.exit(1)
