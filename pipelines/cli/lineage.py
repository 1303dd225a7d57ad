"""`compression lineage`."""

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from compression_ops.errors import CompressionError
from pipelines.cli.arguments import Json, Recipe
from pipelines.cli.terminal.console import out, print_json
from pipelines.commands import run as runner
from pipelines.graph.asset import OBSERVED, TEACHER_WEIGHTS
from pipelines.kinds.kind import in_words
from pipelines.lineage.query import LineageQuery, Node
from pipelines.pipeline import Pipeline


def command(
    recipe: Recipe,
    asset: Annotated[str, typer.Argument(help="An asset of the recipe.")] = "benchmark_report",
    forward: Annotated[
        bool, typer.Option("--forward", help="What was made from it, instead of what it is from.")
    ] = False,
    run_id: Annotated[str | None, typer.Option("--run-id", help="Start at this MLflow run.")] = None,
    as_json: Json = False,
) -> None:
    """Say where an asset came from, or what was made from it, read from MLflow alone."""
    from pipelines.state import home

    query = LineageQuery(home.current())
    if asset in OBSERVED and forward and run_id is None:
        node = query.forward_from_data(recipe, asset, _reader(recipe, asset))
    else:
        start = run_id or _current_run(query, recipe, asset) or _newest_run(query, recipe, asset)
        node = query.forward(start) if forward else query.backward(start)
    if as_json:
        print_json(node.to_json())
        return
    tree = Tree(_label(node))
    _grow(tree, node, set())
    out.print(tree)


def _current_run(query: LineageQuery, recipe: str, asset: str) -> str | None:
    """The run that made the artifact in use here; after an edit was reverted, that is not the newest one in MLflow.

    Raises CompressionError if MLflow was not told of it.
    """
    from pipelines.state import home
    from pipelines.state.history import History

    entry = History(home.current().history).latest(recipe, asset)
    if entry is not None and entry.unrecorded is not None:
        raise CompressionError(
            f"MLflow was out of reach when the {asset} in use was computed, and knows nothing of it yet\n"
            f"  `compression sync-lineage {recipe}` tells it"
        )
    return entry.run_id if entry and query.knows(entry.run_id) else None


def _newest_run(query: LineageQuery, recipe: str, asset: str) -> str:
    """Of an asset that the recipe no longer has, too. Raises CompressionError, for a name of nothing with its cure."""
    try:
        return query.latest_run(recipe, asset)
    except CompressionError:
        runner.select(Pipeline.open(recipe), [asset])  # which says that there is none of that name, and which there are
        raise


def _reader(recipe: str, name: str) -> str:
    """The asset that reads what is observed. Raises CompressionError if this recipe's graph has none."""
    graph = Pipeline.open(recipe).graph
    found = next((asset.name for asset in graph.assets.values() if name in asset.inputs), None)
    if found is None:
        raise CompressionError(f"no asset of recipe {recipe!r} is made from {name}")
    return found


def _grow(tree: Tree, node: Node, seen: set[str]) -> None:
    for relative in node.relatives:
        known = relative.run_id is not None and relative.run_id in seen
        branch = tree.add(_label(relative, brief=known))
        if relative.run_id:
            seen.add(relative.run_id)
        if not known:
            _grow(branch, relative, seen)


def _label(node: Node, brief: bool = False) -> Text:
    head = [(node.asset, "bold"), (f"  digest {node.digest[:12]}", "dim")]
    if node.run_id is None:
        where = (
            "not in this MLflow"
            if node.status == "NOT IN MLFLOW"
            else "file"
            if node.asset == TEACHER_WEIGHTS
            else "raw files"
        )
        return out.text(*head, (f"  {where}", "dim"))
    if brief:
        return out.text(*head, (f"  run {node.run_id[:8]}, shown above", "dim"))
    when = datetime.fromtimestamp(node.started / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
    model = f", model {node.model_id}" if node.model_id else ""
    label = out.text(*head, (f"  run {node.run_id}{model}, {when}", "dim"))
    parameters = ", ".join(
        f"{name}={value}" for name, value in node.parameters.items() if not name.startswith("models.")
    )
    metrics = in_words({name: value for name, value in node.metrics.items() if not name.startswith("epoch/")}, 4)
    for what, words in (("parameters", parameters), ("metrics", metrics)):
        if words:
            label.append_text(out.text("\n", (what, "dim"), f" {words}"))
    return label
