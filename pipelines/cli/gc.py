"""`compression gc`."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.arguments import Json
from pipelines.cli.terminal.console import out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.retention.pile import Pile
    from pipelines.state.home import Home


def command(
    days: Annotated[
        float | None,
        typer.Option(help="Keep all that was made within so many days; COMPRESSION_GC_DAYS, or 30."),
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
    from pipelines.retention.pile import freed
    from pipelines.state import home

    configured = settings.configured()
    asked = replace(
        configured,
        days=configured.days if days is None else settings.days("--days", str(days)),
        mlflow=mlflow or configured.mlflow,
        store_is_mine=store_is_mine or configured.store_is_mine,
    )
    where = home.current()
    found = gc.run(where, asked, dry_run)
    piles, total = found.piles, freed(found.piles)
    if as_json:
        told = {"days": asked.days, "dry_run": dry_run, "bytes": total, "kinds": _by_kind(piles), "left": found.left}
        print_json(told | {"left_kinds": _by_kind(found.left_piles)})
        return
    for pile in piles:
        if pile.number or pile.kind == "artifacts":
            out.print(_line(pile, dry_run))
    out.say(*(f"{sentence}\n" for sentence in found.left))
    said = "would free" if dry_run else "freed"
    out.print(f"{said} {quantities.size(total)}; all of the last {asked.days:g} days stays")
    if not dry_run and any(pile.number for pile in piles if not pile.is_freed):
        out.say(_next(where))


def _by_kind(piles: "Iterable[Pile]") -> dict[str, Any]:
    return {pile.kind: {"number": pile.number, "bytes": pile.bytes} for pile in piles}


def _line(pile: "Pile", dry_run: bool) -> str:
    from compression_ops import quantities

    what = f"{pile.number} {pile.kind}"
    if not pile.is_freed:
        said = "would move" if dry_run else "moved"
        return f"{said} {what} to MLflow's trash, {quantities.size(pile.bytes)}"
    return f"{'would remove' if dry_run else 'removed'} {what}, {quantities.size(pile.bytes)}"


def _next(where: "Home") -> str:
    """Who empties the trash, and how; an address that the user stated may hold a password, and is not repeated."""
    if where.tracking_uri.startswith("http"):
        return (
            "next: whoever runs MLflow's server empties its trash, with the server's database: "
            'mlflow gc --backend-store-uri DATABASE --tracking-uri "$MLFLOW_TRACKING_URI"'
        )
    uri = shlex.quote(where.tracking_uri) if where.owns_mlflow else '"$MLFLOW_TRACKING_URI"'
    return f"next: mlflow gc --backend-store-uri {uri} --tracking-uri {uri}  empties MLflow's trash"
