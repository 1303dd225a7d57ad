"""Arguments that several commands share."""

from typing import Annotated

import typer

from pipelines.recipe import file


def _names(incomplete: str) -> list[str]:
    return [name for name in file.recipe_names() if name.startswith(incomplete)]


Recipe = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name.", autocompletion=_names)]
OptionalRecipe = Annotated[
    str | None,
    typer.Argument(metavar="[RECIPE]", help="A recipe's name; all recipes by default.", autocompletion=_names),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="ASSET", help="Only this asset (`student/*` for several). Repeatable."),
]
Rehash = Annotated[
    bool, typer.Option("--rehash", help="Read every file of the data again, whatever its time and size say.")
]
