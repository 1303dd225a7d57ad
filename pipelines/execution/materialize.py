"""Materializes one asset: loads its inputs, reuses a known action or computes, judges, stores, records the lineage.

The order of the writes is what makes a killed run harmless: artifact, MLflow run, action, history. Each is whole or
absent, and whatever is absent is computed again.
"""

import gc
import importlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.progress import Progress

from compression_ops.errors import CompressionError, DataError
from compression_ops.stages.stage import StageFunction, StageResult
from pipelines.execution import progress
from pipelines.graph.graph import GENERATION, RAW_DATA, Asset, Graph
from pipelines.kinds import gates
from pipelines.kinds.kind import KINDS
from pipelines.observed import generation, raw_data
from pipelines.recipe.file import RecipeFile
from pipelines.state import action_cache
from pipelines.state.artifacts import Artifact, ArtifactStore, ArtifactUnavailable
from pipelines.state.history import History, Materialization, Source
from pipelines.state.home import Home

if TYPE_CHECKING:
    from pipelines.kinds.champion import Promotion
    from pipelines.lineage.runs import Computation, Lineage

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


@dataclass(frozen=True)
class Action:
    """One computation to be looked up or done: the asset, what its stage is given, and the key that it is known by.

    `parameters` are the recipe's, with what was observed in them: the generation's seed, the candidates' gates.
    """

    asset: Asset
    parameters: Mapping[str, Any]
    inputs: Inputs
    key: str


def materialize(shop: Workshop, name: str, log: Log, dagster_run_id: str = "") -> Materialization:
    """Materialize one asset from the latest materializations of its inputs; returns the new entry of its history.

    Raises CompressionError if an input was never materialized, or what the stage raises.
    """
    asset = shop.graph.assets[name]
    progress.report(progress.Started(name))
    started = time.monotonic()
    try:
        action = plan(shop, asset, load_inputs(shop, asset, log, dagster_run_id))
        promotion = _promotion(shop, action)
        if promotion is not None:
            action = replace(action, key=promotion.question())
        entry = _reuse(shop, action, log) or _compute(shop, action, promotion, log, dagster_run_id)
        entry = _judged(shop, asset, entry)
    except BaseException:
        progress.report(progress.Ended(name, "failed", time.monotonic() - started))
        raise
    shop.history.append(entry)
    outcome = "failed" if entry.blocked else "computed" if entry.computed else "reused"
    progress.report(progress.Ended(name, outcome, time.monotonic() - started))
    return entry


def load_inputs(shop: Workshop, asset: Asset, log: Log, dagster_run_id: str = "") -> Inputs:
    """Find and verify an asset's inputs; one whose artifact is lost or damaged is computed again."""
    _require_gates_passed(shop, asset)
    folders: dict[str, Path] = {}
    sources: dict[str, Source] = {}
    for name in asset.inputs:
        if name == RAW_DATA:
            folders[name] = raw_data.obtain(shop.recipe_file, shop.home, _reporter(asset, log))
            sources[name] = Source(raw_data.digest(shop.recipe_file, shop.home, folders[name]))
        elif name == GENERATION:
            sources[name] = Source(str(generation.current(shop.home, shop.graph.recipe)))
        else:
            entry, folders[name] = _load(shop, asset, name, log, dagster_run_id)
            sources[name] = Source(entry.digest, entry.run_id, entry.model_id, entry.experiment_id)
    return Inputs(folders, sources)


def _load(shop: Workshop, asset: Asset, name: str, log: Log, dagster_run_id: str) -> tuple[Materialization, Path]:
    entry = shop.history.latest(shop.graph.recipe, name)
    if entry is None:
        raise CompressionError(
            f"{asset.name} needs {name}, which was never materialized\n"
            f"  materialize {name} first, or together with {asset.name}"
        )
    try:
        return entry, shop.store.fetch(entry.artifact)
    except ArtifactUnavailable as fault:
        log(f"{name}: {fault}; computing it again")
        entry = materialize(shop, name, log, dagster_run_id)
        return entry, shop.store.fetch(entry.artifact)


def _require_gates_passed(shop: Workshop, asset: Asset) -> None:
    """Raises CompressionError if anything that an asset is made from, however far, did not pass a gate that blocks."""
    for name in shop.graph.upstream(asset.name):
        entry = shop.history.latest(shop.graph.recipe, name)
        if name != asset.name and entry is not None and entry.blocked:
            found = " ".join(check.words for check in entry.blocked)
            raise CompressionError(f"{asset.name} waits: {name} did not pass its gate. {found}\n  {cure(entry)}")


def cure(entry: Materialization) -> str:
    """What to do about a result that did not pass a gate that blocks."""
    return f"change what makes {entry.asset}, or its threshold under `gates` in the recipe"


def plan(shop: Workshop, asset: Asset, inputs: Inputs) -> Action:
    """The computation that an asset's recipe and loaded inputs ask for."""
    parameters = asset.parameters
    if GENERATION in inputs.sources:
        parameters = generation.seeded(parameters, int(inputs.sources[GENERATION].digest))
    contents = {name: source.digest for name, source in inputs.sources.items() if name != GENERATION}
    return Action(asset, parameters, inputs, action_cache.key(asset, parameters, contents))


def compute(action: Action, output: Path, report: Callable[[Progress], None]) -> StageResult:
    """Run an action's stage into an empty folder; touches no store."""
    stage: StageFunction = importlib.import_module(f"compression_ops.stages.{action.asset.kind}").run
    return stage(action.parameters, action.inputs.folders, output, report)


def _promotion(shop: Workshop, action: Action) -> "Promotion | None":
    """What decides on the registry's state beside its inputs."""
    if not KINDS[action.asset.kind].decides:
        return None
    from pipelines.kinds import champion

    return champion.Promotion(shop, action)


def _reuse(shop: Workshop, action: Action, log: Log) -> Materialization | None:
    asset = action.asset
    known = shop.actions.get(action.key)
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
        parameters=asset.parameters,
        inputs=action.inputs.sources,
        computed=False,
    )


@dataclass(frozen=True)
class _Result:
    """What a stage made, stored and recorded."""

    stage: StageResult
    artifact: Artifact
    model_id: str | None
    seconds: float


def _compute(
    shop: Workshop, action: Action, promotion: "Promotion | None", log: Log, dagster_run_id: str
) -> Materialization:
    from pipelines.lineage import runs as lineages

    asset, derivation = action.asset, shop.graph.derivations[action.asset.name]
    lineage = lineages.of_recipe(shop.home, shop.home.tracking_uri, shop.graph.recipe)
    _freeze_imports()
    known = lineage.known(action.inputs.sources)
    if promotion is not None:
        action = promotion.prepared(action)
    computation = lineages.Computation(
        shop.graph.recipe, asset, action.parameters, derivation, action.key, known, dagster_run_id
    )
    run_id = lineage.start(computation)
    try:
        result = _run_stage(shop, action, lineage, computation, run_id, log)
        if promotion is not None:
            folder = shop.store.fetch(result.artifact.id)
            log(promotion.carry_out(folder, known, lineage.experiment_id, run_id))
            action = replace(action, key=promotion.question())  # asked again, it has this answer
        lineage.end(run_id)
    except BaseException as error:
        lineage.fail(run_id, error)
        raise
    for warning in result.stage.warnings:
        log(f"{asset.name}: warning: {warning}")
    entry = _entry(shop, action, result, lineage.experiment_id, run_id)
    shop.actions.put(entry)
    return entry


def _run_stage(
    shop: Workshop, action: Action, lineage: "Lineage", computation: "Computation", run_id: str, log: Log
) -> _Result:
    output = Path(tempfile.mkdtemp(prefix="compression-"))
    started = time.monotonic()
    try:
        stage = compute(action, output, _reporter(action.asset, log))
        seconds = time.monotonic() - started
        _check_nothing_changed(shop, action)
        artifact = shop.store.put(output, stage.volatile)
        folder = shop.store.fetch(artifact.id)
        model_id = lineage.record(run_id, computation, stage, folder, artifact.digest)
    finally:
        shutil.rmtree(output, ignore_errors=True)
    return _Result(stage, artifact, model_id, seconds)


def _entry(shop: Workshop, action: Action, result: _Result, experiment_id: str, run_id: str) -> Materialization:
    asset = action.asset
    return Materialization(
        recipe=shop.graph.recipe,
        asset=asset.name,
        time=time.time(),
        derivation=shop.graph.derivations[asset.name],
        parameters=asset.parameters,
        code=asset.code_digests,
        inputs=action.inputs.sources,
        action=action.key,
        artifact=result.artifact.id,
        digest=result.artifact.digest,
        experiment_id=experiment_id,
        run_id=run_id,
        model_id=result.model_id,
        computed=True,
        seconds=result.seconds,
        metrics=dict(result.stage.metrics),
        warnings=result.stage.warnings,
    )


@cache
def _freeze_imports() -> None:
    """Take what is loaded by now out of the garbage collector's sight, once a process.

    Dagster and MLflow leave a million objects that live as long as the process; while a stage computes, the collector
    would walk through all of them again and again.
    """
    gc.collect()
    gc.freeze()


def _judged(shop: Workshop, asset: Asset, entry: Materialization) -> Materialization:
    """The entry with what its gates find; also of a reused result, since thresholds may have changed since."""
    drift = _drift(shop, entry) if asset.kind == "dataset" else None
    return replace(entry, gates=dict(asset.gates), checks=gates.judge(asset, gates.Evidence(entry, drift)))


def _drift(shop: Workshop, entry: Materialization) -> dict[str, float] | None:
    """How far a data set is from the last one that differed; None if there is none, or its artifact is gone."""
    earlier = [known for known in shop.history.of_asset(entry.recipe, entry.asset) if known.digest != entry.digest]
    if not earlier:
        return None
    try:
        last = shop.store.fetch(earlier[-1].artifact)
    except ArtifactUnavailable:
        return None
    from compression_ops.data import drift

    found = drift.measure(last, shop.store.fetch(entry.artifact))
    return {"classes": found.classes, "pixels": found.pixels}


def _check_nothing_changed(shop: Workshop, action: Action) -> None:
    """What was edited while the stage ran may or may not have entered its result: such a result is not kept."""
    asset, inputs = action.asset, action.inputs
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
