"""`compression report`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.benchmark import (
    explained_tables,
    report_sentences,
    report_tables,
    seeds_table,
    targets_table,
    widths_table,
)
from pipelines.cli.benchmark.report_tables import Section
from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import Terminal, err, out, print_json

if TYPE_CHECKING:
    import pandas as pd


def command(
    recipe: Recipe,
    as_json: Json = False,
    output: Annotated[
        str | None, typer.Option("--output", metavar="FILE", help="Copy the HTML page to a file.")
    ] = None,
) -> None:
    """Show the latest benchmark report."""
    from compression_ops.report import files as report_files
    from pipelines.execution import status
    from pipelines.orchestration.executors import executor
    from pipelines.state.artifacts import ArtifactUnavailable

    pipeline, statuses = status.of_recipe(recipe, executor.is_here())
    item = statuses["benchmark_report"]
    if item.entry is None:
        raise CompressionError(f"recipe {recipe!r} has no report yet\n  run `compression run {recipe}` first")
    try:
        folder = pipeline.store.fetch(item.entry.artifact)
    except ArtifactUnavailable as error:
        raise CompressionError(f"{error}\n  run `compression run {recipe}` to compute it again") from error
    if item.state != "fresh":
        err.say((f"This report is {item.state}", "yellow"), f": {status.in_words(item.causes)}")
    page = report_files.page(folder)
    if output:
        Path(output).write_bytes(page.read_bytes())
        page = Path(output)
    frame = report_files.read_frame(folder)
    if as_json:
        print_json(json.loads(frame.to_json(orient="records")))
        return
    show(out, frame, report_files.read_content(folder), report_files.read_markdown(folder))
    out.print(out.text(("page with plots: ", "dim"), str(page)), soft_wrap=True)


def show(console: Terminal, frame: "pd.DataFrame", content: dict[str, Any], markdown: str) -> None:
    """Print a report: the short table, the sentences that matter, details, and how they were measured.

    frame, content, markdown: what `report.parquet`, `report.json` and `report.md` hold.
    """
    models, metric = report_tables.rows(frame), report_tables.metric_of(content)
    _table(console, report_tables.summary(models, metric))
    choice, words = report_sentences.recommended(models, content["recommended"], metric)
    console.print()
    console.print(console.text(f"{choice}: ", (content["recommended"], "bold"), f", {words}"))
    _sentences(console, "Warnings", report_sentences.warnings(content))
    _sentences(console, "Verdicts", report_sentences.verdicts(content))
    _sentences(console, "What distillation gained", report_sentences.distillation(content))
    _sentences(console, "Bits that were chosen", widths_table.sentences(content))
    _sentences(console, "What quantization lost, layer by layer", explained_tables.noise_sentences(content))
    _sentences(console, "Classes that lost", explained_tables.lost_sentences(content))
    over_seeds = seeds_table.table(models, metric)
    details = [*((over_seeds,) if over_seeds else ()), report_tables.quality(models), report_tables.cost(models)]
    details += [report_tables.latency(models, size) for size in report_tables.batch_sizes(models)]
    details[1 + bool(over_seeds) : 1 + bool(over_seeds)] = [
        *explained_tables.calibration(content, report_tables.digits(models)),
        *widths_table.tables(content),
        *explained_tables.noise(content),
    ]
    details += targets_table.tables(content, markdown)
    by_class = [*explained_tables.lost(content), report_tables.classes(content)]
    if report_tables.tells_classes_apart(content):
        details.insert(1 + bool(over_seeds), report_tables.averages(models))
        by_class.append(report_tables.scores(content))
        by_class += [section for section in (report_tables.confusion(content),) if section.names.cells]
    for section in (*details, *by_class):
        _heading(console, section.title)
        _table(console, section)
    _sentences(console, "How it was measured", report_sentences.conditions(markdown))


def _table(console: Terminal, section: Section) -> None:
    layout.show(console, section.names, section.columns)
    console.print(console.text((section.note, "dim")))


def _sentences(console: Terminal, title: str, pairs: Sequence[tuple[str, str]]) -> None:
    if pairs:
        _heading(console, title)
    for what, words in pairs:
        console.print(console.text((what, "bold"), f": {words}"))


def _heading(console: Terminal, title: str) -> None:
    console.print()
    console.print(console.text((title, "bold underline")))
