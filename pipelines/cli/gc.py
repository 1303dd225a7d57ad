"""`compression gc`."""

from typing import Annotated

import typer

from pipelines.cli.console import out


def command(
    days: Annotated[float, typer.Option(help="Keep all that was materialized within so many days.", min=0)] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove artifacts that no asset's recent history refers to; the newest of each asset always stays."""
    from pipelines import garbage, home
    from pipelines.action_cache import ActionCache
    from pipelines.history import History
    from pipelines.store import ArtifactStore

    place = home.current()
    store = ArtifactStore(place.store_url, place.root / "cache")
    actions = ActionCache(store)
    found = garbage.find(store, actions, History(place.history), days)
    if not dry_run:
        garbage.remove(store, actions, found)
    verb = "would remove" if dry_run else "removed"
    out.print(
        f"{verb} {len(found.artifacts)} artifacts, {found.bytes / 1e6:.1f} MB, and {len(found.actions)} known actions"
    )
