"""The commands, by name."""

import importlib
from collections.abc import Iterable
from typing import Annotated

import typer

COMMANDS = (
    "init",
    "run",
    "status",
    "check",
    "lineage",
    "sync-lineage",
    "report",
    "compare",
    "predict",
    "demo",
    "rollback",
    "verify",
    "profile",
    "ui",
    "gc",
)
# Those in a room of their own.
_ROOMS = {"compare": "models", "predict": "models", "demo": "models", "profile": "models"}


def app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands, each `command` of the module of its name. One alone starts the sooner."""
    commands = typer.Typer(
        name="compression",
        help="Distil and quantize a classifier; recompute only what a change affects; know where a model came from.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    commands.callback()(_root)
    for name in names:
        module = ".".join(filter(None, ("pipelines.cli", _ROOMS.get(name), name.replace("-", "_"))))
        commands.command(name)(importlib.import_module(module).command)
    return commands


def of(arguments: list[str]) -> typer.Typer:
    """The command line that these arguments need: of their command alone, or of all where they begin with none."""
    return app(arguments[:1]) if arguments and arguments[0] in COMMANDS else app()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"compression {version('compression-pipeline')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
