"""An asset's inputs: found, verified, computed again where they are lost, and stopped at gates."""

from collections.abc import Callable
from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.execution.log import Log, reporter
from pipelines.graph.asset import GENERATION, Asset
from pipelines.kinds import kind
from pipelines.observed import generation
from pipelines.pipeline import Pipeline
from pipelines.state.actions.action import Inputs
from pipelines.state.artifacts import ArtifactUnavailable
from pipelines.state.materialization import Materialization, Source

Recompute = Callable[[str], Materialization]


def load(pipeline: Pipeline, asset: Asset, log: Log, recompute: Recompute) -> Inputs:
    """Find and verify an asset's inputs; one whose artifact is lost or damaged is computed again by `recompute`.

    Raises CompressionError if an input was never materialized, or did not pass a gate that blocks.
    """
    _require_gates_passed(pipeline, asset)
    folders: dict[str, Path] = {}
    sources: dict[str, Source] = {}
    for name in asset.inputs:
        if (files := kind.files(name)) is not None:
            folders[name] = files.obtain(pipeline.file, pipeline.home, reporter(asset, log))
            sources[name] = Source(files.digest(pipeline.file, pipeline.home, folders[name]))
        elif name == GENERATION:
            sources[name] = Source(str(generation.current(pipeline.home, pipeline.recipe)))
        else:
            entry, folders[name] = _load(pipeline, asset, name, log, recompute)
            sources[name] = Source(
                digest=entry.digest,
                run_id=entry.run_id,
                model_id=entry.model_id,
                experiment_id=entry.experiment_id,
                artifact=entry.artifact,
                derivation=entry.derivation,
            )
    return Inputs(folders, sources)


def _load(pipeline: Pipeline, asset: Asset, name: str, log: Log, recompute: Recompute) -> tuple[Materialization, Path]:
    entry = pipeline.latest(name)
    if entry is None:
        raise CompressionError(
            f"{asset.name} needs {name}, which was never materialized\n"
            f"  materialize {name} first, or together with {asset.name}"
        )
    try:
        return entry, pipeline.store.fetch(entry.artifact)
    except ArtifactUnavailable as fault:
        log(f"{name}: {fault}; computing it again")
        entry = recompute(name)
        return entry, pipeline.store.fetch(entry.artifact)


def _require_gates_passed(pipeline: Pipeline, asset: Asset) -> None:
    """Raises CompressionError if anything that an asset is made from, however far, did not pass a gate that blocks."""
    for name in pipeline.graph.upstream(asset.name):
        entry = pipeline.latest(name)
        if name != asset.name and entry is not None and entry.blocked:
            found = " ".join(check.words for check in entry.blocked)
            raise CompressionError(f"{asset.name} waits: {name} did not pass its gate. {found}\n  {cure(entry)}")


def cure(entry: Materialization) -> str:
    """What to do about a result that did not pass a gate that blocks."""
    return f"change what makes {entry.asset}, or its threshold under `gates` in the recipe"
