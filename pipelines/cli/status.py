"""`compression status`."""

import sys
from collections.abc import Sequence
from typing import Any

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, OptionalRecipe, Rehash
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import fail, out, print_json, warn
from pipelines.cli.terminal.layout import Column
from pipelines.commands import warnings
from pipelines.execution import status as asset_status
from pipelines.observed import known_digests
from pipelines.orchestration.executors import executor
from pipelines.recipe import file, passed_over
from pipelines.state import home

_STYLES = {"fresh": "green", "stale": "yellow", "missing": "red"}


def command(recipe: OptionalRecipe = None, as_json: Json = False, rehash: Rehash = False) -> None:
    """Say which assets are out of date, and why."""
    if rehash:
        known_digests.forget(home.current())
    names = [recipe] if recipe else file.recipe_names()
    found: dict[str, dict[str, asset_status.AssetStatus]] = {}
    failed = False
    for name in names:
        try:
            found[name] = asset_status.of_recipe(name, executor.is_here())[1]
        except CompressionError as error:
            fail(str(error))
            failed = True
    if as_json:
        values = [_json(name, statuses) for name, statuses in found.items()]
        if values or not recipe:
            print_json(values[0] if recipe else values)
    else:
        for name, statuses in found.items():
            _show(name, list(statuses.values()))
    for sentence in () if recipe else passed_over.sentences():
        warn(sentence)
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
                "notes": list(item.notes),
                "digest": item.entry.digest if item.entry else None,
                "mlflow_run_id": item.entry.run_id if item.entry and not item.entry.unrecorded else None,
                "warnings": [found.to_json() for found in warnings.of_entry(item.entry)] if item.entry else [],
            }
            for item in statuses.values()
        ],
    }


def _show(recipe: str, statuses: Sequence[asset_status.AssetStatus]) -> None:
    out.print(out.text((f"recipe {recipe}", "bold")), soft_wrap=True)
    layout.show(
        out,
        Column("asset", [item.asset for item in statuses], right=False),
        [
            Column("state", [(item.state, _STYLES[item.state]) for item in statuses], right=False),
            Column("why", [_why(item) for item in statuses], False, prose=True),
            Column("digest", [(item.entry.digest[:12] if item.entry else "", "dim") for item in statuses], False),
        ],
    )
    if any(asset_status.is_abridged(item.causes) for item in statuses):
        out.say(("every cause by its name: ", "dim"), f"compression status {recipe} --json")


def _why(item: asset_status.AssetStatus) -> str:
    return "; ".join([*filter(None, [asset_status.in_words(item.causes)]), *item.notes])
