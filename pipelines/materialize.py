"""Materializes one asset: loads its inputs, reuses a known action or computes, stores, records the lineage.

The order of the writes is what makes a killed run harmless: artifact, MLflow run, action, history. Each is whole or
absent, and whatever is absent is computed again.
"""

import importlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from compression_ops.errors import CompressionError, DataError
from compression_ops.stage import Progress, StageFunction, StageResult
from pipelines import action_cache, progress, raw_data
from pipelines.graph import RAW_DATA, Asset, Graph
from pipelines.history import History, Materialization, Source
from pipelines.home import Home
from pipelines.recipe_file import RecipeFile
from pipelines.store import ArtifactStore, ArtifactUnavailable

Log = Callable[[str], None]

_LOG_INTERVAL = 2.0  # seconds; each line is a row in Dagster's database


@dataclass(frozen=True)
class Workshop:
    """What materializing takes: the recipe and its graph, and the places where state is kept."""

    recipe_file: RecipeFile
    graph: Graph
    home: Home
    store: ArtifactStore
    actions: action_cache.ActionCache
    history: History


def workshop(recipe_file: RecipeFile, graph: Graph, home: Home) -> Workshop:
    """Open the stores of a home for a recipe."""
    store = ArtifactStore(home.store_url, home.root / "cache")
    return Workshop(recipe_file, graph, home, store, action_cache.ActionCache(store), History(home.history))


@dataclass(frozen=True)
class Inputs:
    """An asset's loaded inputs: folders to read, and what they are."""

    folders: Mapping[str, Path]
    sources: Mapping[str, Source]


def materialize(shop: Workshop, name: str, log: Log, dagster_run_id: str = "") -> Materialization:
    """Materialize one asset from the latest materializations of its inputs; returns the new entry of its history.

    Raises CompressionError if an input was never materialized, or what the stage raises.
    """
    asset = shop.graph.assets[name]
    progress.report(progress.Started(name))
    started = time.monotonic()
    try:
        inputs = load_inputs(shop, asset, log, dagster_run_id)
        action = action_cache.key(asset, {key: source.digest for key, source in inputs.sources.items()})
        entry = _reuse(shop, asset, action, inputs, log) or _compute(shop, asset, action, inputs, log, dagster_run_id)
    except BaseException:
        progress.report(progress.Ended(name, "failed", time.monotonic() - started))
        raise
    shop.history.append(entry)
    outcome = "computed" if entry.computed else "reused"
    progress.report(progress.Ended(name, outcome, time.monotonic() - started))
    return entry


def load_inputs(shop: Workshop, asset: Asset, log: Log, dagster_run_id: str = "") -> Inputs:
    """Find and verify an asset's inputs; one whose artifact is lost or damaged is computed again."""
    folders: dict[str, Path] = {}
    sources: dict[str, Source] = {}
    for name in asset.inputs:
        if name == RAW_DATA:
            folders[name] = raw_data.obtain(shop.recipe_file, shop.home, _reporter(asset, log))
            sources[name] = Source(raw_data.digest(shop.recipe_file, shop.home, folders[name]))
            continue
        entry = shop.history.latest(shop.graph.recipe, name)
        if entry is None:
            raise CompressionError(
                f"{asset.name} needs {name}, which was never materialized\n"
                f"  materialize {name} first, or together with {asset.name}"
            )
        try:
            folders[name] = shop.store.fetch(entry.artifact)
        except ArtifactUnavailable as fault:
            log(f"{name}: {fault}; computing it again")
            entry = materialize(shop, name, log, dagster_run_id)
            folders[name] = shop.store.fetch(entry.artifact)
        sources[name] = Source(entry.digest, entry.run_id, entry.model_id, entry.experiment_id)
    return Inputs(folders, sources)


def compute(asset: Asset, inputs: Inputs, output: Path, report: Callable[[Progress], None]) -> StageResult:
    """Run an asset's stage into an empty folder; touches no store."""
    stage: StageFunction = importlib.import_module(f"compression_ops.stages.{asset.kind}").run
    return stage(asset.parameters, inputs.folders, output, report)


def _reuse(shop: Workshop, asset: Asset, action: str, inputs: Inputs, log: Log) -> Materialization | None:
    known = shop.actions.get(action)
    if known is None:
        return None
    try:
        shop.store.fetch(known.artifact)
    except ArtifactUnavailable as fault:
        log(f"{asset.name}: {fault}; computing it again")
        return None
    log(f"{asset.name}: this computation is known (MLflow run {known.run_id}); reusing its result")
    return replace(
        known,
        recipe=shop.graph.recipe,
        asset=asset.name,
        time=time.time(),
        derivation=shop.graph.derivations[asset.name],
        inputs=inputs.sources,
        computed=False,
    )


def _compute(
    shop: Workshop, asset: Asset, action: str, inputs: Inputs, log: Log, dagster_run_id: str
) -> Materialization:
    from pipelines import lineage as lineages  # imports mlflow, which a run that reuses everything can spare

    derivation = shop.graph.derivations[asset.name]
    lineage = lineages.of_recipe(shop.home, shop.home.tracking_uri, shop.graph.recipe)
    known = lineage.known(inputs.sources)
    computation = lineages.Computation(shop.graph.recipe, asset, derivation, action, known, dagster_run_id)
    run_id = lineage.start(computation)
    output = Path(tempfile.mkdtemp(prefix="compression-"))
    started = time.monotonic()
    try:
        result = compute(asset, inputs, output, _reporter(asset, log))
        seconds = time.monotonic() - started
        _check_nothing_changed(shop, asset, inputs)
        artifact = shop.store.put(output, result.volatile)
        model_id = lineage.finish(run_id, computation, result, shop.store.fetch(artifact.id), artifact.digest)
    except BaseException as error:
        lineage.fail(run_id, error)
        raise
    finally:
        shutil.rmtree(output, ignore_errors=True)
    for warning in result.warnings:
        log(f"{asset.name}: warning: {warning}")
    entry = Materialization(
        recipe=shop.graph.recipe,
        asset=asset.name,
        time=time.time(),
        derivation=derivation,
        parameters=asset.parameters,
        code=asset.code_digests,
        inputs=inputs.sources,
        action=action,
        artifact=artifact.id,
        digest=artifact.digest,
        experiment_id=lineage.experiment_id,
        run_id=run_id,
        model_id=model_id,
        computed=True,
        seconds=seconds,
        metrics=dict(result.metrics),
        warnings=result.warnings,
    )
    shop.actions.put(entry)
    return entry


def _check_nothing_changed(shop: Workshop, asset: Asset, inputs: Inputs) -> None:
    """What was edited while the stage ran may or may not have entered its result: such a result is not kept."""
    if asset.read_code() != asset.code_digests:
        raise CompressionError(f"the code of {asset.name} was edited while it ran; run again")
    if RAW_DATA in inputs.folders:
        after = raw_data.digest(shop.recipe_file, shop.home, inputs.folders[RAW_DATA])
        if after != inputs.sources[RAW_DATA].digest:
            raise DataError(f"the files under {inputs.folders[RAW_DATA]} changed while they were read; run again")


def _reporter(asset: Asset, log: Log) -> Callable[[Progress], None]:
    """Tells subscribers every step, and Dagster's log what ended; not more often than a reader could follow."""
    told = 0.0

    def report(step: Progress) -> None:
        nonlocal told
        progress.report(progress.Advanced(asset.name, step))
        if step.metrics and (step.done >= step.total or time.monotonic() - told >= _LOG_INTERVAL):
            told = time.monotonic()
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in step.metrics.items())
            log(f"{asset.name}: {step.description} {step.done}/{step.total}: {numbers}")

    return report
