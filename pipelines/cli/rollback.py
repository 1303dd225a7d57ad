"""`compression rollback`."""

from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal.console import out, print_json
from pipelines.recipe import file


def command(recipe: Recipe, as_json: Json = False) -> None:
    """Put the previous champion back in use; the one in use now is not promoted again by itself."""
    from pipelines.lineage.registry import Registry
    from pipelines.state import home

    file.find(recipe)
    champion, retired = Registry(home.current(), recipe).roll_back()
    if as_json:
        print_json({"recipe": recipe, "champion": champion.number, "retired": retired.number})
        return
    out.say(
        f"{recipe}: version {champion.number} ({champion.asset}, digest {champion.digest[:12]}) is the champion again, "
        f"version {retired.number} is retired."
    )
