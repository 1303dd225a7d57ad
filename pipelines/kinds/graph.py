"""The graph of a recipe: the assets of every kind, sorted by their inputs."""

from pipelines.graph import graph
from pipelines.graph.graph import Graph
from pipelines.kinds.kind import kinds
from pipelines.recipe.sections import Recipe


def build(recipe_name: str, recipe: Recipe) -> Graph:
    """The graph of a recipe."""
    return graph.of_assets(recipe_name, (asset for kind in kinds().values() for asset in kind.assets(recipe)))
