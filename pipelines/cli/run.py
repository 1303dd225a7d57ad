"""`compression run`."""

import sys
from typing import Annotated

import typer

from pipelines.cli.arguments import Json, Recipe, Select
from pipelines.cli.headline import headline
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import err, out, print_json, warn
from pipelines.cli.terminal.display import display
from pipelines.cli.terminal.layout import Column
from pipelines.commands import run as runner
from pipelines.commands import warnings
from pipelines.execution.materialize import Workshop
from pipelines.kinds import champion
from pipelines.recipe import file as recipe_file

_STYLES = {"computed": "green", "reused": "cyan", "failed": "bold red", "skipped": "yellow"}


def command(
    recipe: Recipe,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Edit the recipe first (teacher.epochs=5). Repeatable."),
    ] = None,
    select: Select = None,
    as_json: Json = False,
) -> None:
    """Compute what is out of date and no more."""
    from pipelines.execution import materialize
    from pipelines.graph import graph
    from pipelines.state import home

    def workshop(file: recipe_file.RecipeFile) -> Workshop:
        return materialize.workshop(file, graph.build(file.name, file.recipe), home.current())

    def accept(file: recipe_file.RecipeFile) -> None:
        runner.select(workshop(file), select or ())

    path = recipe_file.find(recipe)
    if assignments:
        shop = workshop(recipe_file.set_values(path, dict(map(recipe_file.parse_assignment, assignments)), accept))
    else:
        shop = workshop(recipe_file.read(path))
    with display():
        report = runner.run(shop, select or ())
    told = warnings.of_run(report.recipe, report.outcomes, shop.history)
    if as_json:
        print_json({**report.to_json(), "warnings": [item.to_json() for item in told]})
    else:
        _show(report, shop)
    decision = None if as_json else _decision(report, shop)
    for item in told:
        if item.words != decision:  # which stands there already
            warn(f"{item.asset}: {item.words}")
    for outcome in report.outcomes:
        if outcome.outcome == "failed":
            err.print(err.text(("failed", "bold red"), f": {outcome.asset}: {outcome.cause}"), soft_wrap=True)
    if report.named("failed"):
        err.print("What was computed is kept; mend the cause and run the same command again.")
        sys.exit(1)
    if not as_json:
        _next_steps(report)


def _show(report: runner.Report, shop: Workshop) -> None:
    counts = ", ".join(f"{len(report.named(outcome))} {outcome}" for outcome in _STYLES if report.named(outcome))
    out.print(out.text((f"recipe {report.recipe}: {counts}, {report.seconds:.1f} s", "bold")), soft_wrap=True)
    outcomes = report.outcomes
    layout.show(
        out,
        Column("asset", [item.asset for item in outcomes], right=False),
        [
            Column("outcome", [(item.outcome, _STYLES[item.outcome]) for item in outcomes], right=False),
            Column("seconds", [f"{item.seconds:.1f}" if item.seconds >= 0.05 else "-" for item in outcomes]),
            Column("result", [_result(item, shop) for item in outcomes], right=False, prose=True),
        ],
    )


def _result(item: runner.Outcome, shop: Workshop) -> str:
    entry = shop.history.latest(shop.graph.recipe, item.asset)
    return headline(entry) if entry and item.outcome not in ("failed", "skipped") else ""


def _decision(report: runner.Report, shop: Workshop) -> str | None:
    """Say why a champion was promoted, or why not; the words, if there is something to say."""
    entry = shop.history.latest(report.recipe, "champion")
    if entry is None or "champion" not in report.named("computed"):
        return None
    words = champion.told(shop.store, entry)
    out.say(("champion", "bold"), f": {words}")
    return words


def _next_steps(report: runner.Report) -> None:
    if not report.named("computed"):
        out.print("Nothing was out of date." if not any(o.seconds for o in report.outcomes) else "Nothing to compute.")
    out.say(
        ("next: ", "dim"),
        f"compression report {report.recipe}",
        ("  the benchmark; ", "dim"),
        f"compression lineage {report.recipe}",
        ("  where it came from; ", "dim"),
        "compression ui",
        ("  Dagster and MLflow", "dim"),
    )
