"""`compression demo`."""

from pathlib import Path
from typing import Annotated

import typer

from compression_ops import quantities
from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Recipe
from pipelines.cli.terminal.console import err, out
from pipelines.recipe import file


def command(
    recipe: Recipe,
    port: Annotated[int | None, typer.Option(help="Of the page; a free one by default.", min=1, max=65535)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the page to a file instead of serving it.")
    ] = None,
) -> None:
    """Try the recipe's champion in a browser, on drawings, image files and the camera.

    The page holds the model as WebAssembly and sends nothing anywhere. It is served on this machine only; Ctrl-C ends.
    """
    from pipelines.commands import demo
    from pipelines.state import home

    file.find(recipe)
    if port is not None and output is not None:
        raise CompressionError("--port is of a page that is served, --output of one that is not; give one of them")
    page = demo.made(home.current(), recipe)
    if output is not None:
        output.write_text(page.text, encoding="utf-8")
        out.print(
            out.text(f"{quantities.size(output.stat().st_size)}, to be opened in a browser: ", str(output)),
            soft_wrap=True,
        )
        return
    with demo.Server(page.text, port or 0) as server:
        out.print("Ctrl-C ends it.")
        out.print(f"Demo  {server.address}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            err.print("the page is no longer served")
