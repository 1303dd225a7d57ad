"""The commands, by name."""

from typing import Annotated

import typer

from pipelines.cli import check, gc, lineage, predict, report, rollback, run, status, ui, verify

app = typer.Typer(
    name="compression",
    help="Distil and quantize a classifier; recompute only what a change affects; know where a model came from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("run")(run.command)
app.command("status")(status.command)
app.command("check")(check.command)
app.command("lineage")(lineage.command)
app.command("report")(report.command)
app.command("predict")(predict.command)
app.command("rollback")(rollback.command)
app.command("verify")(verify.command)
app.command("ui")(ui.command)
app.command("gc")(gc.command)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"compression {version('compression-pipeline')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
