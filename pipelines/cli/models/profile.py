"""`compression profile`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compression_ops import quantities
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import out, print_json
from pipelines.cli.terminal.layout import Column
from pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from compression_ops.profiling.operators import Operator
    from compression_ops.profiling.profile import Profile

_SHOWN = 10


def command(
    recipe: Recipe,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="An asset that trains or runs a network.")],
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Optimizer steps that are looked at.")] = 10,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Write a trace for Chrome and TensorBoard: a file or a folder."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show where the time of an asset's stage goes, operator by operator; nothing is recorded."""
    from pipelines.commands import profile

    place = Path(output) if output else None
    found, trace = profile.profile(Pipeline.open(recipe), asset, steps, place)
    if as_json:
        print_json(_json(recipe, asset, found, trace))
        return
    threads = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
    what = f"{found.steps} steps" if found.engine == "torch" else "sessions"
    out.say(
        (f"{asset}: {what} in {found.engine}, {quantities.magnitude(found.peak)}FLOP/s at best on {threads}", "bold")
    )
    _show(found.operators[:_SHOWN])
    if len(found.operators) > _SHOWN:
        rest = sum(operator.share for operator in found.operators[_SHOWN:])
        out.say(f"{len(found.operators) - _SHOWN} more operators take {quantities.percent(rest)}.")
    out.say(
        ("of peak: operations a second over those of a float32 matrix product, measured in the same process", "dim")
    )
    if trace is not None:
        out.print(out.text(("trace: ", "dim"), str(trace)), soft_wrap=True)


def _show(operators: "Sequence[Operator]") -> None:
    peaks = [quantities.percent(each.of_peak) if each.of_peak is not None else quantities.MISSING for each in operators]
    layout.show(
        out,
        Column("operator", [each.name for each in operators], right=False),
        [
            Column("time", [quantities.percent(each.share) for each in operators]),
            Column("ms", [f"{1000 * each.seconds:.2f}" for each in operators]),
            Column("of peak", peaks),
            Column("calls", [quantities.count(each.calls) for each in operators]),
        ],
    )


def _json(recipe: str, asset: str, found: "Profile", trace: Path | None) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "asset": asset,
        "engine": found.engine,
        "steps": found.steps,
        "threads": found.threads,
        "peak_flops_per_second": found.peak,
        "trace": str(trace) if trace else None,
        "operators": [
            {
                "operator": each.name,
                "calls": each.calls,
                "seconds": each.seconds,
                "share": each.share,
                "flops": each.operations,
                "of_peak": each.of_peak,
            }
            for each in found.operators
        ],
    }
