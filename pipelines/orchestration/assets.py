"""A recipe's graph as Dagster assets: code versions are derivations and gates, data versions are content digests."""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from compression_ops.errors import CompressionError
from pipelines.execution import materialize
from pipelines.graph.graph import GENERATION, OBSERVED, RAW_DATA, Asset, Graph
from pipelines.kinds import gates
from pipelines.kinds.kind import KINDS
from pipelines.observed import generation, raw_data
from pipelines.orchestration import automation, interrupts, pages, retries, schedules
from pipelines.orchestration.keys import key
from pipelines.recipe.file import RecipeFile
from pipelines.state.history import Check, Materialization
from pipelines.state.home import Home

# Stages of one pool never run at a time; `dagster.yaml` sets its limit.
POOL = "machine"


def definitions(recipe_file: RecipeFile, graph: Graph, home: Home) -> dg.Definitions:
    """What is observed, every asset of a recipe with its gates, and what makes them run by themselves."""
    interrupts.teach_dagster()
    shop = materialize.workshop(recipe_file, graph, home)
    observed = [name for name in OBSERVED if any(name in asset.inputs for asset in graph.assets.values())]
    keys = [key(graph.recipe, name) for name in (*observed, *graph.assets)]
    schedule = schedules.of_recipe(shop, keys)
    sensor = automation.sensor(graph.recipe, recipe_file.recipe, keys)
    return dg.Definitions(
        assets=[
            *(_observable(shop, name) for name in observed),
            *(_asset(shop, asset) for asset in graph.assets.values()),
        ],
        schedules=[schedule] if schedule else [],
        sensors=[sensor] if sensor else [],
    )


def _observable(shop: materialize.Workshop, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said at every start, to users who cannot act on it
        return _raw_data(shop) if name == RAW_DATA else _generation(shop)


def _raw_data(shop: materialize.Workshop) -> Any:
    @dg.observable_source_asset(
        **_definition(shop, RAW_DATA),
        metadata=pages.raw_data(shop.recipe_file),
        automation_condition=automation.of_raw_data(shop.recipe_file.recipe),
    )
    def raw_data_asset() -> dg.DataVersion:
        try:
            root = raw_data.obtain(shop.recipe_file, shop.home)
            return dg.DataVersion(raw_data.digest(shop.recipe_file, shop.home, root))
        except CompressionError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error

    return raw_data_asset


def _generation(shop: materialize.Workshop) -> Any:
    def generation_asset(context: dg.OpExecutionContext) -> dg.DataVersion:
        target = context.run.tags.get(schedules.GENERATION_TAG)
        if target is None:
            return dg.DataVersion(str(generation.current(shop.home, shop.graph.recipe)))
        return dg.DataVersion(str(generation.advance(shop.home, shop.graph.recipe, int(target))))

    return dg.observable_source_asset(**_definition(shop, GENERATION))(generation_asset)


def _definition(shop: materialize.Workshop, name: str) -> dict[str, Any]:
    return {
        "key": key(shop.graph.recipe, name),
        "group_name": shop.graph.recipe,
        "description": KINDS[name].description,
        "tags": {"dagster/kind/" + kind: "" for kind in KINDS[name].badges},
    }


def _asset(shop: materialize.Workshop, asset: Asset) -> dg.AssetsDefinition:
    recipe, kind = shop.graph.recipe, KINDS[asset.kind]

    @dg.asset(
        key=key(recipe, asset.name),
        deps=[key(recipe, name) for name in asset.inputs],
        code_version=shop.graph.versions[asset.name],
        group_name=recipe,
        kinds=set(kind.badges),
        owners=shop.recipe_file.recipe.owners,
        description=kind.description,
        metadata=pages.definition(shop.recipe_file, asset),
        check_specs=[_check_spec(recipe, asset, gate) for gate in gates.of_asset(asset)],
        automation_condition=automation.of_asset(shop.recipe_file.recipe),
        freshness_policy=automation.freshness(shop.recipe_file.recipe, asset),
        pool=POOL if kind.is_heavy else None,
    )
    def compute(context: dg.AssetExecutionContext):  # Dagster refuses an annotation where there are checks too
        try:
            with interrupts.raised():
                entry = materialize.materialize(shop, asset.name, context.log.info, context.run_id)
        except Exception as error:
            if retries.is_transient(error):
                raise retries.again(context.retry_number) from error
            if isinstance(error, CompressionError):
                raise dg.Failure(str(error), metadata={"asset": asset.name}, allow_retries=False) from error
            raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
        _record_observations(context, recipe, entry)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(entry.digest),
            metadata=pages.materialization(shop, entry),
            check_results=list(_check_results(entry)),
        )

    return compute


def _check_spec(recipe: str, asset: Asset, gate: gates.Gate) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        gate.name, asset=key(recipe, asset.name), description=gate.description, blocking=gate.blocking
    )


def _check_results(entry: Materialization) -> Iterator[dg.AssetCheckResult]:
    for check in entry.checks:
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=check.passed,
            severity=_severity(check),
            description=check.words,
            metadata={name: pages.readable(value) for name, value in check.numbers.items()},
        )


def _severity(check: Check) -> dg.AssetCheckSeverity:
    """An error stops something: what comes next, or a promotion. Everything else is a warning."""
    is_gate = check.blocking or (check.subject or "").startswith("quantized_student/")
    return dg.AssetCheckSeverity.ERROR if is_gate else dg.AssetCheckSeverity.WARN


def _record_observations(context: dg.AssetExecutionContext, recipe: str, entry: Materialization) -> None:
    """Tell Dagster what was observed as the stage really read it, whether or not anybody had observed it."""
    for name in OBSERVED:
        if name in entry.inputs:
            observed = key(recipe, name)
            tags = {"dagster/data_version": entry.inputs[name].digest}
            context.log_event(dg.AssetObservation(observed, tags=tags))
            # Dagster noted its inputs' versions before the step began; without this the asset would look out of sync.
            context.get_step_execution_context().wipe_input_asset_version_info(observed)
