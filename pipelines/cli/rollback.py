"""`compression rollback`."""

from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal.console import out, print_json, warn
from pipelines.recipe import file


def command(recipe: Recipe, as_json: Json = False) -> None:
    """Put the previous champion back in use; the one in use now is not promoted again by itself."""
    from pipelines.commands import champion as champions
    from pipelines.state import home

    file.find(recipe)
    where = home.current()
    champion, retired = champions.roll_back(where, recipe)
    if not champions.is_recorded(where, recipe, champion):
        warn(f"MLflow has lost the files of version {champion.number}: `compression run {recipe}` records it anew")
    if as_json:
        print_json({"recipe": recipe, "champion": champion.number, "retired": retired and retired.number})
        return
    retirement = "no version was in use" if retired is None else f"version {retired.number} is retired"
    out.say(
        f"{recipe}: version {champion.number} ({champion.asset}, digest {champion.digest[:12]}) is the champion again, "
        f"{retirement}."
    )
