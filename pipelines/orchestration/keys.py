"""The Dagster key of an asset of a recipe."""

import dagster as dg


def key(recipe: str, name: str) -> dg.AssetKey:
    """`digits/student/small`."""
    return dg.AssetKey([recipe, *name.split("/")])
