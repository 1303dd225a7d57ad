"""A recipe's graph as Dagster assets: code versions are derivations, data versions are content digests."""

import warnings
from typing import Any

import dagster as dg

from compression_ops.errors import CompressionError
from pipelines import asset_metadata, materialize, raw_data
from pipelines.graph import RAW_DATA, Asset, Graph
from pipelines.history import Materialization
from pipelines.home import Home
from pipelines.kinds import KINDS
from pipelines.recipe_file import RecipeFile


def definitions(recipe_file: RecipeFile, graph: Graph, home: Home) -> dg.Definitions:
    """The observable raw data and every asset of a recipe."""
    shop = materialize.workshop(recipe_file, graph, home)
    assets = [_asset(shop, asset) for asset in graph.assets.values()]
    return dg.Definitions(assets=[_raw_data(recipe_file, home), *assets])


def key(recipe: str, name: str) -> dg.AssetKey:
    """The Dagster key of an asset: `digits/student/small`."""
    return dg.AssetKey([recipe, *name.split("/")])


def _raw_data(recipe_file: RecipeFile, home: Home) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said at every start, to users who cannot act on it
        return _observable(recipe_file, home)


def _observable(recipe_file: RecipeFile, home: Home) -> Any:
    @dg.observable_source_asset(
        key=key(recipe_file.name, RAW_DATA),
        group_name=recipe_file.name,
        description=KINDS[RAW_DATA].description,
        metadata=asset_metadata.raw_data(recipe_file),
        tags={"dagster/kind/" + kind: "" for kind in KINDS[RAW_DATA].badges},
    )
    def raw_data_asset() -> dg.DataVersion:
        root = raw_data.obtain(recipe_file, home)
        return dg.DataVersion(raw_data.digest(recipe_file, home, root))

    return raw_data_asset


def _asset(shop: materialize.Workshop, asset: Asset) -> dg.AssetsDefinition:
    recipe = shop.graph.recipe

    @dg.asset(
        key=key(recipe, asset.name),
        deps=[key(recipe, name) for name in asset.inputs],
        code_version=shop.graph.derivations[asset.name],
        group_name=recipe,
        kinds=set(KINDS[asset.kind].badges),
        description=KINDS[asset.kind].description,
        metadata=asset_metadata.definition(shop.recipe_file, asset),
    )
    def compute(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        try:
            entry = materialize.materialize(shop, asset.name, context.log.info, context.run_id)
        except CompressionError as error:
            raise dg.Failure(description=str(error), metadata={"asset": asset.name}) from error
        _record_observation(context, recipe, entry)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(entry.digest), metadata=asset_metadata.materialization(shop, entry)
        )

    return compute


def _record_observation(context: dg.AssetExecutionContext, recipe: str, entry: Materialization) -> None:
    """Tell Dagster the raw data's digest as the dataset really read it, whether or not anybody had observed them."""
    source = entry.inputs.get(RAW_DATA)
    if source is None:
        return
    raw = key(recipe, RAW_DATA)
    context.log_event(dg.AssetObservation(raw, tags={"dagster/data_version": source.digest}))
    # Dagster noted its inputs' versions before the step began; without this the dataset would look out of sync at once.
    context.get_step_execution_context().wipe_input_asset_version_info(raw)
