"""The graph of a recipe: the assets of every kind, sorted by their inputs."""

from dataclasses import replace

from pipelines.graph import graph
from pipelines.graph.code_closure import Code
from pipelines.graph.graph import Graph
from pipelines.kinds.kind import kinds, modality_code
from pipelines.recipe.sections import Recipe


def build(recipe_name: str, recipe: Recipe, code: Code | None = None) -> Graph:
    """The graph of a recipe, whose stages run that code; by default what lies on the disk."""
    named = modality_code(recipe)
    assets = (replace(asset, named=named) for kind in kinds().values() for asset in kind.assets(recipe))
    return graph.of_assets(recipe_name, assets, code or Code())
