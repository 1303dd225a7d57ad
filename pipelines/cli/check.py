"""`compression check`."""

import sys

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import OptionalRecipe
from pipelines.cli.terminal.console import fail, out
from pipelines.graph.module_source import SourceError
from pipelines.pipeline import Pipeline
from pipelines.recipe import file


def command(recipe: OptionalRecipe = None) -> None:
    """Check recipes and the code that they name, of which none is run; modules of your own methods are imported."""
    names = [recipe] if recipe else file.recipe_names()
    failed = False
    for name in names:
        try:
            checked = file.check(file.find(name))
            graph = Pipeline.of(checked).graph
            _ = graph.versions  # which parses the code of all of its stages
            warnings = dict.fromkeys(each for asset in graph.assets.values() for each in asset.code_warnings)
        except SourceError as error:  # of a module, which says nothing of the recipe
            fail(f"{error}\n  in recipe {name}")
            failed = True
        except CompressionError as error:
            fail(str(error))
            failed = True
        else:
            out.print(f"{file.displayed(checked.path)}: valid")
            for warning in warnings:
                out.print(f"  warning: {warning}")
    if failed:
        sys.exit(1)
