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
    lost           why there is nothing to compare with, and nothing was computed; else empty
    """

    asset: str
    recorded: str
    found: str
    differing: tuple[str, ...]
    made_on: MadeOn | None
    here: MadeOn | None
    lost: str = ""

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

    One whose recorded result is damaged or missing is told of, and those after it are verified nevertheless.
    Raises CompressionError if one is stale or was never made, or if the device that is asked for is not here.
    """
    device.check()
    for name in reproducible(pipeline, names):
        entry = pipeline.latest(name)
        if entry is None or entry.derivation != pipeline.graph.derivations[name]:
            raise CompressionError(
                f"{name} is not up to date, so there is nothing to verify\n"
                f"  run `compression run {pipeline.recipe}` first"
            )
        try:
            recorded = pipeline.store.fetch(entry.artifact)
        except ArtifactUnavailable as fault:
            yield Verdict(name, entry.digest, "", (), entry.made_on, None, str(fault))
            continue
        yield _verdict(pipeline, entry, recorded, report, log)


def _verdict(
    pipeline: Pipeline,
    entry: Materialization,
    recorded: Path,
    report: Callable[[str, Progress], None],
    log: Callable[[str], None],
) -> Verdict:
    name = entry.asset
    asset = pipeline.graph.assets[name]
    loaded = inputs.load(pipeline, asset, log, partial(materialize.materialize, pipeline, log=log))
    changed = [key for key, source in loaded.sources.items() if source.digest != entry.inputs[key].digest]
    if changed:
        raise CompressionError(
            f"{name} was made from another {', '.join(changed)} than there is now\n"
            f"  run `compression run {pipeline.recipe}` first"
        )
    with scratch.folder(pipeline.home.running) as output:
        where = device.chosen(entry.made_on.device if entry.made_on else None)
        result = compute(plan(asset, loaded), output, partial(report, name), where)
        artifact = pipeline.store.identify(output, result.volatile)
        differing = tuple(
            path.name
            for path in sorted(output.iterdir())
            if path.name not in result.volatile and not _same(path, recorded / path.name)
        )
    return Verdict(name, entry.digest, artifact.digest, differing, entry.made_on, environment.made_on(result))


def _same(first: Path, second: Path) -> bool:
    return second.exists() and digests.of_content(first) == digests.of_content(second)
