"""`compression run`."""

import sys
from typing import Annotated

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe, Rehash, Select
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import err, out, print_json, warn
from pipelines.cli.terminal.display import display
from pipelines.cli.terminal.layout import Column
from pipelines.commands import run as runner
from pipelines.commands import settings, warnings
from pipelines.execution import device
from pipelines.kinds import kind
from pipelines.observed import known_digests
from pipelines.orchestration.executors import executor
from pipelines.pipeline import Pipeline
from pipelines.recipe import edit
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
    rehash: Rehash = False,
    search: Annotated[
        bool, typer.Option("--search", help="Try settings of the fields under `search`, and say which are best.")
    ] = False,
) -> None:
    """Compute what is out of date and no more."""

    def accept(file: recipe_file.RecipeFile) -> None:
        if executor.check().place != "cluster":
            device.check()  # an edit is to be computed
        runner.select(Pipeline.of(file), select or ())

    if search and select:
        raise CompressionError("--search computes what its numbers ask for\n  leave out --select")
    settings.require()
    path = recipe_file.find(recipe)
    if assignments:
        file = edit.set_values(path, dict(map(edit.parse_assignment, assignments)), accept)
        if file.path != path.resolve():
            err.say(f"{recipe} came with the product; its edited copy is {recipe_file.displayed(file.path)}")
    else:
        file = recipe_file.read(path)
    pipeline = Pipeline.of(file)
    if rehash:
        known_digests.forget(pipeline.home)
    if search:
        _search(pipeline, as_json)
        return
    with display():
        report = runner.run(pipeline, select or ())
    told = warnings.of_run(report.recipe, report.outcomes, pipeline.history)
    if as_json:
        print_json({**report.to_json(), "warnings": [item.to_json() for item in told]})
    else:
        _show(report, pipeline)
    decided = [] if as_json else _decisions(report, pipeline)
    for item in told:
        if item.words not in decided:  # which stands there already
            warn(f"{item.asset}: {item.words}")
    if report.retold:
        warn(f"Dagster had forgotten {', '.join(report.retold)}: it is told again; nothing was computed for that.")
    if report.unrecorded:
        warn(_unrecorded(report))
    for outcome in report.outcomes:
        if outcome.outcome == "failed":
            err.print(err.text(("failed", "bold red"), f": {outcome.asset}: {outcome.cause}"), soft_wrap=True)
    if report.named("failed"):
        err.print("What was computed is kept; mend the cause and run the same command again.")
        sys.exit(1)
    if not as_json:
        _next_steps(report, of_all=not select)


def _unrecorded(report: runner.Report) -> str:
    """What MLflow was not told, why, and the cure."""
    why = report.outage or "MLflow was out of reach"
    return (
        f"{why}\n  then `compression sync-lineage {report.recipe}`, or the next `compression run {report.recipe}`, "
        f"tells MLflow what it missed: {', '.join(report.unrecorded)}. No result is lost."
    )


def _search(pipeline: Pipeline, as_json: bool) -> None:
    from pipelines.cli.benchmark import search as shown
    from pipelines.commands import search

    with display():
        result = search.run(pipeline)
    if as_json:
        print_json(result.to_json())
    else:
        shown.show(result)


def _show(report: runner.Report, pipeline: Pipeline) -> None:
    counts = ", ".join(f"{len(report.named(outcome))} {outcome}" for outcome in _STYLES if report.named(outcome))
    out.print(out.text((f"recipe {report.recipe}: {counts}, {report.seconds:.1f} s", "bold")), soft_wrap=True)
    outcomes = report.outcomes
    layout.show(
        out,
        Column("asset", [item.asset for item in outcomes], right=False),
        [
            Column("outcome", [(item.outcome, _STYLES[item.outcome]) for item in outcomes], right=False),
            Column("seconds", [f"{item.seconds:.1f}" if item.seconds >= 0.05 else "-" for item in outcomes]),
            Column("result", [_result(item, pipeline) for item in outcomes], right=False, prose=True),
        ],
    )


def _result(item: runner.Outcome, pipeline: Pipeline) -> str:
    entry = pipeline.latest(item.asset)
    if entry is None or item.outcome in ("failed", "skipped"):
        return ""
    return kind.named(pipeline.graph.assets[item.asset].kind).headline(entry)


def _decisions(report: runner.Report, pipeline: Pipeline) -> list[str]:
    """Say what was decided anew, and why: of a champion, why it was promoted, or why not. Returns the sentences."""
    told: list[str] = []
    for name in report.named("computed"):
        own, entry = kind.named(pipeline.graph.assets[name].kind), pipeline.latest(name)
        if own.decide is not None and entry is not None:
            for words in own.page(pipeline.store.fetch(entry.artifact), entry).words.values():
                out.say((name, "bold"), f": {words}")
                told.append(words)
    return told


def _next_steps(report: runner.Report, of_all: bool) -> None:
    if not report.named("computed"):
        found = "Nothing to compute." if any(o.seconds for o in report.outcomes) else "Nothing was out of date."
        out.print(found if of_all else f"{found[:-1]} of what was selected; `compression status` tells of the rest.")
    out.say(
        ("next: ", "dim"),
        f"compression report {report.recipe}",
        ("  the benchmark; ", "dim"),
        f"compression lineage {report.recipe}",
        ("  where it came from; ", "dim"),
        "compression ui",
        ("  Dagster and MLflow", "dim"),
    )
