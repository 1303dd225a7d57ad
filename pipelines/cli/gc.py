"""`compression gc`."""

from typing import Annotated

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.terminal.console import out


def command(
    days: Annotated[float, typer.Option(help="Keep all that was materialized within so many days.", min=0)] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store_is_mine: Annotated[
        bool, typer.Option("--store-is-mine", help="No other home uses the store that COMPRESSION_STORE names.")
    ] = False,
) -> None:
    """Remove artifacts that no asset's recent history refers to; the newest of each asset always stays."""
    from pipelines.commands import gc
    from pipelines.state import home
    from pipelines.state.action_cache import ActionCache
    from pipelines.state.artifacts import ArtifactStore
    from pipelines.state.history import History

    here = home.current()
    if not dry_run and not store_is_mine and not here.owns_store:
        raise CompressionError(
            f"the store {here.store_url} may serve other homes, whose histories are not known here\n"
            "  run with --dry-run to see what this home does not refer to, or with --store-is-mine to remove it"
        )
    store = ArtifactStore(here.store_url, here.root / "cache")
    actions = ActionCache(store)
    garbage = gc.find(store, actions, History(here.history), days, History(here.trials))
    if not dry_run:
        gc.remove(store, actions, garbage)
    verb = "would remove" if dry_run else "removed"
    out.print(
        f"{verb} {len(garbage.artifacts)} artifacts, {garbage.bytes / 1e6:.1f} MB, "
        f"and {len(garbage.actions)} known actions"
    )
