"""`compression run`."""

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pipelines.cli.arguments import Json, Recipe, Select
from pipelines.cli.console import err, out, print_json
from pipelines.cli.display import display
from pipelines.commands import run as runner
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline
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

    def accept(file: recipe_file.RecipeFile) -> None:
        runner.select(Pipeline.of(file), select or ())

    path = recipe_file.find(recipe)
    if assignments:
        file = recipe_file.set_values(path, dict(map(recipe_file.parse_assignment, assignments)), accept)
    else:
        file = recipe_file.read(path)
    pipeline = Pipeline.of(file)
    with display():
        report = runner.run(pipeline, select or ())
    if as_json:
        print_json(report.to_json())
    else:
        out.print(_table(report, pipeline))
        _decisions(report, pipeline)
    _warnings(report, pipeline)
    for outcome in report.outcomes:
        if outcome.outcome == "failed":
            err.print(Text.assemble(("failed", "bold red"), f": {outcome.asset}: {outcome.cause}"), soft_wrap=True)
    if report.named("failed"):
        err.print("What was computed is kept; mend the cause and run the same command again.")
        sys.exit(1)
    if not as_json:
        _next_steps(report)


def _table(report: runner.Report, pipeline: Pipeline) -> Table:
    counts = ", ".join(f"{len(report.named(outcome))} {outcome}" for outcome in _STYLES if report.named(outcome))
    table = Table(
        title=f"recipe {report.recipe}: {counts}, {report.seconds:.1f} s",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    table.add_column("asset", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for item in report.outcomes:
        entry = pipeline.latest(item.asset)
        seconds = f"{item.seconds:.1f}" if item.seconds >= 0.05 else "-"
        result = (
            kind.named(pipeline.graph.assets[item.asset].kind).headline(entry)
            if entry and item.outcome not in ("failed", "skipped")
            else ""
        )
        table.add_row(item.asset, Text(item.outcome, _STYLES[item.outcome]), seconds, result)
    return table


def _decisions(report: runner.Report, pipeline: Pipeline) -> None:
    """What was decided anew, and why: of a champion, why it was promoted, or why not."""
    for name in report.named("computed"):
        own, entry = kind.named(pipeline.graph.assets[name].kind), pipeline.latest(name)
        if own.decide is not None and entry is not None:
            for words in own.page(pipeline.store.fetch(entry.artifact), entry).words.values():
                out.print(Text.assemble((name, "bold"), f": {words}"), soft_wrap=True)


def _warnings(report: runner.Report, pipeline: Pipeline) -> None:
    """The checks that failed without stopping anything."""
    for item in report.outcomes:
        entry = pipeline.latest(item.asset) if item.outcome in ("computed", "reused") else None
        for check in entry.checks if entry else ():
            if not check.passed:
                err.print(Text.assemble(("warning", "bold yellow"), f": {item.asset}: {check.words}"), soft_wrap=True)


def _next_steps(report: runner.Report) -> None:
    if not report.named("computed"):
        out.print("Nothing was out of date." if not any(o.seconds for o in report.outcomes) else "Nothing to compute.")
    out.print(
        f"[dim]next: [/dim]compression report {report.recipe}[dim]  the benchmark; [/dim]"
        f"compression lineage {report.recipe}[dim]  where it came from; [/dim]"
        f"compression ui[dim]  Dagster and MLflow[/dim]",
        soft_wrap=True,
    )
