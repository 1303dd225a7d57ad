"""`compression report`."""

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
    from pipelines import status

    shop, statuses = status.of_recipe(recipe)
    item = statuses["benchmark_report"]
    if item.entry is None:
        raise CompressionError(f"recipe {recipe!r} has no report yet\n  run `compression run {recipe}` first")
    folder = shop.store.fetch(item.entry.artifact)
    if item.state != "fresh":
        err.print(f"[yellow]This report is {item.state}[/yellow]: {'; '.join(cause.words() for cause in item.causes)}")
    if as_json:
        print_json(_records(report_files.read_frame(folder)))
        return
    out.print(Markdown(report_files.read_markdown(folder)))
    page = report_files.page(folder)
    if output:
        from pathlib import Path

        Path(output).write_bytes(page.read_bytes())
        page = Path(output)
    out.print(f"[dim]page with plots:[/dim] {page}", soft_wrap=True)


def _records(frame: Any) -> list[dict[str, Any]]:
    import json

    return json.loads(frame.to_json(orient="records"))
