"""The Dagster key of an asset of a recipe."""

import dagster as dg

from pipelines.graph.graph import Graph


def key(recipe: str, name: str) -> dg.AssetKey:
    """Of the asset `student/small`, `digits/student_small`: Dagster's pages show the last part alone."""
    return dg.AssetKey([recipe, name.replace("/", "_")])


def names(graph: Graph) -> dict[dg.AssetKey, str]:
    """{key: name} of a recipe's assets."""
    return {key(graph.recipe, name): name for name in graph.assets}
