"""`compression status`."""

import sys
from typing import Any

from rich.table import Table
from rich.text import Text

from pipelines.cli.arguments import Json, OptionalRecipe
from pipelines.cli.console import fail, out, print_json
from pipelines.execution import status as asset_status
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError

_STYLES = {"fresh": "green", "stale": "yellow", "missing": "red"}


def command(recipe: OptionalRecipe = None, as_json: Json = False) -> None:
    """Say which assets are out of date, and why."""
    names = [recipe] if recipe else file.recipe_names()
    found: dict[str, dict[str, asset_status.AssetStatus]] = {}
    failed = False
    for name in names:
        try:
            found[name] = asset_status.of_recipe(name)[1]
        except RecipeError as error:
            fail(str(error))
            failed = True
    if as_json:
        values = [_json(name, statuses) for name, statuses in found.items()]
        if values or not recipe:
            print_json(values[0] if recipe else values)
    else:
        for name, statuses in found.items():
            out.print(_table(name, statuses))
    if failed:
        sys.exit(1)


def _json(recipe: str, statuses: dict[str, asset_status.AssetStatus]) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "assets": [
            {
                "asset": item.asset,
                "state": item.state,
                "causes": [cause.to_json() for cause in item.causes],
                "digest": item.entry.digest if item.entry else None,
                "mlflow_run_id": item.entry.run_id if item.entry else None,
            }
            for item in statuses.values()
        ],
    }


def _table(recipe: str, statuses: dict[str, asset_status.AssetStatus]) -> Table:
    table = Table(title=f"recipe {recipe}", title_justify="left", box=None, pad_edge=False, title_style="bold")
    table.add_column("asset", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why", overflow="fold")
    table.add_column("digest", style="dim", no_wrap=True)
    for item in statuses.values():
        why = "; ".join(cause.words() for cause in item.causes)
        digest = item.entry.digest[:12] if item.entry else ""
        table.add_row(item.asset, Text(item.state, _STYLES[item.state]), why, digest)
    return table
