"""`compression verify`: computes again without the cache and compares digests, bit for bit; keeps no result."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compression_ops.progress import Progress

from compression_ops.errors import CompressionError
from pipelines.execution import materialize
from pipelines.execution.materialize import Workshop
from pipelines.graph import digests
from pipelines.kinds.kind import KINDS


@dataclass(frozen=True)
class Verdict:
    """Whether an asset came out as recorded. `differing` names the files whose content differs."""

    asset: str
    recorded: str
    found: str
    differing: tuple[str, ...]

    @property
    def reproduced(self) -> bool:
        """Whether the content digests are equal."""
        return self.recorded == self.found


def reproducible(shop: Workshop, names: list[str]) -> list[str]:
    """The assets that a recipe determines; a decision also depends on what the model registry held at the time."""
    return [name for name in names if not KINDS[shop.graph.assets[name].kind].decides]


def verify(
    shop: Workshop, names: list[str], report: Callable[[str, Progress], None], log: Callable[[str], None]
) -> Iterator[Verdict]:
    """Recompute each reproducible asset from its recorded inputs.

    Raises CompressionError if one is stale or was never made.
    """
    for name in reproducible(shop, names):
        asset = shop.graph.assets[name]
        entry = shop.history.latest(shop.graph.recipe, name)
        if entry is None or entry.derivation != shop.graph.derivations[name]:
            raise CompressionError(
                f"{name} is not up to date, so there is nothing to verify\n"
                f"  run `compression run {shop.graph.recipe}` first"
            )
        inputs = materialize.load_inputs(shop, asset, log)
        changed = [key for key, source in inputs.sources.items() if source.digest != entry.inputs[key].digest]
        if changed:
            raise CompressionError(
                f"{name} was made from another {', '.join(changed)} than there is now\n"
                f"  run `compression run {shop.graph.recipe}` first"
            )
        recorded = shop.store.fetch(entry.artifact)
        with tempfile.TemporaryDirectory(prefix="compression-") as folder:
            output = Path(folder)

            def advance(step: Progress, name: str = name) -> None:
                report(name, step)

            result = materialize.compute(materialize.plan(shop, asset, inputs), output, advance)
            artifact = shop.store.identify(output, result.volatile)
            differing = tuple(
                path.name
                for path in sorted(output.iterdir())
                if path.name not in result.volatile and not _same(path, recorded / path.name)
            )
        yield Verdict(name, entry.digest, artifact.digest, differing)


def _same(first: Path, second: Path) -> bool:
    return second.exists() and digests.of_content(first) == digests.of_content(second)
