"""`compression report`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markdown import Markdown

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.console import err, out, print_json


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
    from pipelines.state.artifacts import ArtifactUnavailable

    pipeline, statuses = status.of_recipe(recipe)
    item = statuses["benchmark_report"]
    if item.entry is None:
        raise CompressionError(f"recipe {recipe!r} has no report yet\n  run `compression run {recipe}` first")
    try:
        folder = pipeline.store.fetch(item.entry.artifact)
    except ArtifactUnavailable as error:
        raise CompressionError(f"{error}\n  run `compression run {recipe}` to compute it again") from error
    if item.state != "fresh":
        err.print(f"[yellow]This report is {item.state}[/yellow]: {'; '.join(cause.words() for cause in item.causes)}")
    page = report_files.page(folder)
    if output:
        Path(output).write_bytes(page.read_bytes())
        page = Path(output)
    if as_json:
        print_json(_records(report_files.read_frame(folder)))
        return
    out.print(Markdown(report_files.read_markdown(folder)))
    out.print(f"[dim]page with plots:[/dim] {page}", soft_wrap=True)


def _records(frame: Any) -> list[dict[str, Any]]:
    import json

    return json.loads(frame.to_json(orient="records"))
