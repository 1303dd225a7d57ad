"""The graph of a recipe: the assets of every kind, sorted by their inputs."""

from pipelines.graph import graph
from pipelines.graph.code_closure import Code
from pipelines.graph.graph import Graph
from pipelines.kinds.kind import kinds
from pipelines.recipe.sections import Recipe


def build(recipe_name: str, recipe: Recipe, code: Code | None = None) -> Graph:
    """The graph of a recipe, whose stages run that code; by default what lies on the disk."""
    assets = (asset for kind in kinds().values() for asset in kind.assets(recipe))
    return graph.of_assets(recipe_name, assets, code or Code())
