"""`compression verify`: computes again without the cache and compares digests, bit for bit; keeps no result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from compression_ops.errors import CompressionError
from compression_ops.progress import Progress
from pipelines.execution import device, inputs, materialize
from pipelines.execution.plan import plan
from pipelines.execution.stage import compute
from pipelines.graph import digests
from pipelines.kinds import kind
from pipelines.lineage import environment
from pipelines.pipeline import Pipeline
from pipelines.state import scratch
from pipelines.state.artifacts import ArtifactUnavailable
from pipelines.state.materialization import MadeOn, Materialization


@dataclass(frozen=True)
class Verdict:
    """Whether an asset came out as recorded. `differing` names the files whose content differs.

    made_on, here  where the recorded result was computed, None if nobody noted it, and where it was computed again
    """

    asset: str
    recorded: str
    found: str
    differing: tuple[str, ...]
    made_on: MadeOn | None
    here: MadeOn

    @property
    def reproduced(self) -> bool:
        """Whether the content digests are equal."""
        return self.recorded == self.found


def reproducible(pipeline: Pipeline, names: list[str]) -> list[str]:
    """The assets that a recipe determines; a decision also depends on what the model registry held at the time."""
    return [name for name in names if not kind.named(pipeline.graph.assets[name].kind).decide]


def verify(
    pipeline: Pipeline, names: list[str], report: Callable[[str, Progress], None], log: Callable[[str], None]
) -> Iterator[Verdict]:
    """Recompute each reproducible asset from its recorded inputs, and where the device is `auto`, on its recorded one.

    Raises CompressionError if one is stale or was never made, or if the device that is asked for is not here.
    """
    device.check()
    for name in reproducible(pipeline, names):
        asset = pipeline.graph.assets[name]
        entry = pipeline.latest(name)
        if entry is None or entry.derivation != pipeline.graph.derivations[name]:
            raise CompressionError(
                f"{name} is not up to date, so there is nothing to verify\n"
                f"  run `compression run {pipeline.recipe}` first"
            )
        loaded = inputs.load(pipeline, asset, log, partial(materialize.materialize, pipeline, log=log))
        changed = [key for key, source in loaded.sources.items() if source.digest != entry.inputs[key].digest]
        if changed:
            raise CompressionError(
                f"{name} was made from another {', '.join(changed)} than there is now\n"
                f"  run `compression run {pipeline.recipe}` first"
            )
        recorded = _recorded(pipeline, entry)
        with scratch.folder(pipeline.home.running) as output:

            def advance(step: Progress, name: str = name) -> None:
                report(name, step)

            where = device.chosen(entry.made_on.device if entry.made_on else None)
            result = compute(plan(asset, loaded), output, advance, where)
            artifact = pipeline.store.identify(output, result.volatile)
            differing = tuple(
                path.name
                for path in sorted(output.iterdir())
                if path.name not in result.volatile and not _same(path, recorded / path.name)
            )
        yield Verdict(name, entry.digest, artifact.digest, differing, entry.made_on, environment.made_on(result))


def _recorded(pipeline: Pipeline, entry: Materialization) -> Path:
    try:
        return pipeline.store.fetch(entry.artifact)
    except ArtifactUnavailable as fault:
        raise CompressionError(
            f"{entry.asset}: {fault}, so there is nothing to compare with\n"
            f"  run `compression run {pipeline.recipe}` to compute it again"
        ) from fault


def _same(first: Path, second: Path) -> bool:
    return second.exists() and digests.of_content(first) == digests.of_content(second)
