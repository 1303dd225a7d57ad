"""`compression gc`."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from pipelines.cli.arguments import Json
from pipelines.cli.terminal.console import out, print_json


def command(
    days: Annotated[
        float | None,
        typer.Option(help="Keep all that was made within so many days; COMPRESSION_GC_DAYS, or 30.", min=0),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Move runs in MLflow to its trash, too; `mlflow gc` empties that.")
    ] = False,
    store_is_mine: Annotated[
        bool,
        typer.Option("--store-is-mine", help="No other home uses COMPRESSION_STORE, or MLFLOW_TRACKING_URI."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove what is older than the retention and that nothing refers to; the newest result of each asset stays."""
    from compression_ops import quantities
    from pipelines.commands import gc
    from pipelines.retention import settings
    from pipelines.state import home

    configured = settings.configured()
    kept = configured.days if days is None else days
    asked = replace(configured, days=kept, mlflow=mlflow or configured.mlflow)
    piles = gc.run(home.current(), asked, dry_run, store_is_mine)
    total = sum(pile.bytes for pile in piles)
    if as_json:
        kinds: dict[str, Any] = {pile.kind: {"number": pile.number, "bytes": pile.bytes} for pile in piles}
        print_json({"days": asked.days, "dry_run": dry_run, "bytes": total, "kinds": kinds})
        return
    verb = "would remove" if dry_run else "removed"
    for pile in piles:
        if pile.number or pile.kind == "artifacts":
            out.print(f"{verb} {pile.number} {pile.kind}, {quantities.size(pile.bytes)}")
    freed = "would free" if dry_run else "freed"
    out.print(f"{freed} {quantities.size(total)}; all of the last {asked.days:g} days stays")
    if asked.mlflow and not dry_run:
        uri = home.current().tracking_uri
        out.print(f"next: mlflow gc --backend-store-uri {uri} --tracking-uri {uri}  empties MLflow's trash")
