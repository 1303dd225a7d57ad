"""`compression sync-lineage`."""

import sys

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, OptionalRecipe
from pipelines.cli.terminal.console import fail, out, print_json, warn
from pipelines.commands.sync_lineage import Synced

_WHY = {
    "unrecorded": "recorded; MLflow was out of reach when it was computed",
    "restored": "restored from MLflow's trash",
    "lost": "recorded anew; MLflow had lost its run, and its metrics of every epoch are lost",
}


def command(recipe: OptionalRecipe = None, as_json: Json = False) -> None:
    """Tell MLflow what it missed; restore what was deleted there."""
    from pipelines.commands import sync_lineage

    found: list[Synced] = []
    failed = False
    for name in sync_lineage.names(recipe):
        try:
            found.append(sync_lineage.sync(name))
        except CompressionError as error:
            fail(str(error))
            failed = True
            done = error.synced if isinstance(error, sync_lineage.CutShort) else None
            found += [done] if done is not None and (done.told or done.decided or done.missing) else []
    if as_json:
        print_json([item.to_json() for item in found])
    else:
        for item in found:
            _show(item)
    for item in found:
        for sentence in item.missing:
            warn(f"{item.recipe}: {sentence}")
    if failed:
        sys.exit(1)


def _show(synced: Synced) -> None:
    for item in synced.told:
        out.say((item.asset, "bold"), f" of {item.recipe}: {_WHY[item.why]} (run {item.run_id})")
    for name in synced.decided:
        out.say((name, "bold"), f" of {synced.recipe}: decided")
    if not (synced.told or synced.decided or synced.missing):
        out.say(f"{synced.recipe}: MLflow lacks nothing; nothing was done.")
