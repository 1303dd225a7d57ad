"""`compression verify`."""

import sys
from typing import TYPE_CHECKING

from compression_ops.progress import Progress
from pipelines.cli.arguments import Recipe, Select
from pipelines.cli.terminal.console import err, out
from pipelines.cli.terminal.display import display
from pipelines.commands import run as runner
from pipelines.execution import progress, status

if TYPE_CHECKING:
    from pipelines.commands.verify import Verdict


def command(recipe: Recipe, select: Select = None) -> None:
    """Compute again without the cache and compare: proof that the recipe reproduces the model bit for bit."""
    from pipelines.commands import verify

    pipeline, _ = status.of_recipe(recipe)
    names = list(pipeline.graph.assets)
    if select:
        matched = runner.matching(pipeline, select)
        names = [name for name in names if name in matched]

    verifiable = verify.reproducible(pipeline, names)

    def report(name: str, step: Progress) -> None:
        progress.report(progress.Advanced(name, step))

    differing, lost = 0, 0
    with display():
        for verdict in verify.verify(pipeline, verifiable, report, err.print):
            lost += bool(verdict.lost)
            differing += not (verdict.lost or verdict.reproduced)
            out.print(f"{verdict.asset}: {_found(verdict)}{_made_on(verdict)}", soft_wrap=True)
    for name in names:
        if name not in verifiable:
            out.print(f"{name}: skipped, since it depends on what MLflow's registry held when it was decided")
    if differing:
        err.print(
            f"{differing} of {len(verifiable)} assets were not reproduced (another machine, thread count or version? "
            "or a network that draws numbers of its own?)"
        )
    if lost:
        err.print(
            f"{lost} of {len(verifiable)} results could not be compared\n"
            f"  run `compression run {recipe}` to compute again what is lost"
        )
    if differing or lost:
        sys.exit(1)
    if verifiable:
        count = "it was" if len(verifiable) == 1 else f"all {len(verifiable)} assets were"
        out.print(f"{count} reproduced bit for bit")


def _found(verdict: "Verdict") -> str:
    if verdict.lost:
        return f"LOST: {verdict.lost}"
    if verdict.reproduced:
        return f"reproduced, digest {verdict.found[:12]}"
    files = ", ".join(verdict.differing)
    return f"DIFFERS: {files}: {verdict.recorded[:12]} was recorded, {verdict.found[:12]} found"


def _made_on(verdict: "Verdict") -> str:
    """Where the recorded result was computed, and in what this place is another."""
    if verdict.made_on is None or verdict.here is None:
        return ""
    unlike = verdict.made_on.unlike(verdict.here)
    return f"; made on {verdict.made_on.words()}" + (f", here: {', '.join(unlike)}" if unlike else "")
