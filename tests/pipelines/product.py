"""The product driven in this process, as its commands drive it."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.commands import run as runner
from pipelines.execution import status
from pipelines.kinds import champion
from pipelines.pipeline import Pipeline
from pipelines.state.materialization import Materialization


def pipeline(name: str = "tiny") -> Pipeline:
    """The recipe as it stands on disk now."""
    return Pipeline.open(name)


def run(name: str = "tiny", patterns: Sequence[str] = ()) -> runner.Report:
    """`compression run`; fails the test if an asset fails."""
    report = runner.run(pipeline(name), patterns)
    assert not report.named("failed"), [item.cause for item in report.outcomes if item.cause]
    return report


def entry(asset: str, name: str = "tiny") -> Materialization:
    """The newest entry of an asset that was materialized."""
    found = pipeline(name).latest(asset)
    assert found is not None, asset
    return found


def decision() -> str:
    """Why the last candidate was promoted or not, in words."""
    return champion.told(pipeline().store.fetch(entry("champion").artifact))


def computed(name: str = "tiny", patterns: Sequence[str] = ()) -> set[str]:
    """What `compression run` computes."""
    return set(run(name, patterns).named("computed"))


def states(name: str = "tiny") -> dict[str, str]:
    """{asset: state} as `compression status` says."""
    return {item.asset: item.state for item in status.of_recipe(name)[1].values()}


def causes(name: str = "tiny") -> dict[str, list[str]]:
    """{asset: causes in words} of the assets that are out of date."""
    return {
        item.asset: [cause.words() for cause in item.causes]
        for item in status.of_recipe(name)[1].values()
        if item.causes
    }


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must stand once in a file."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))
