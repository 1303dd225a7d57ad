"""The entry point: commands, and errors in words instead of tracebacks."""

import atexit
import gc
import sys
from typing import Annotated

import typer

from compression_ops.errors import CompressionError
from pipelines.cli import check, lineage, predict, report, rollback, run, status, ui, verify
from pipelines.cli import gc as gc_command
from pipelines.cli.terminal.console import fail, prepare
from pipelines.orchestration import interrupts

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
app.command("gc")(gc_command.command)


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


def main() -> None:
    """Run the command line; exit 1 with the cause if it fails, 130 if it is interrupted, 143 if it is terminated."""
    prepare()
    interrupts.listen()
    atexit.register(gc.freeze)  # else the interpreter walks a last time through all that torch and MLflow loaded: 1 s
    with interrupts.noticed() as stop:
        try:
            _run()
        except BaseException as error:
            interrupts.ignore()
            number = stop()
            if number is None or (isinstance(error, SystemExit) and not error.code):
                raise
            fail("interrupted; what was computed so far is kept")
            sys.exit(128 + number)


def _run() -> None:
    try:
        app()
    except CompressionError as error:
        fail(str(error))
        sys.exit(1)
    except OSError as error:
        fail(f"{error.strerror or type(error).__name__}: {error.filename or error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
