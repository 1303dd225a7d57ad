"""A recipe that is wrong now is served as it was when it was last right, and every page of it says what is wrong.

Dagster gives up all recipes of a code location where one cannot be loaded.
"""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from compression_ops.errors import CompressionError
from pipelines.orchestration import assets
from pipelines.orchestration.keys import key
from pipelines.pipeline import Pipeline
from pipelines.recipe import bounds
from pipelines.recipe import file as recipe_file
from pipelines.retention import settings
from pipelines.state import atomic
from pipelines.state.home import Home

MARKER = "recipe_error"  # the asset that stands beside those of a wrong recipe, and their badge
_BADGES = 3  # as many as Dagster allows
_ENOUGH = "its last good version is in use. Edit the file: once it is right, it is loaded by itself"
_NOTHING = (
    "it was never right in this home, so none of its assets can be shown. Edit the file: once it is right, they are"
)


def is_kept() -> bool:
    """Whether wrong recipes are served as they last were; `COMPRESSION_KEEP_LAST_GOOD=0` makes them an error.

    Raises CompressionError for a setting that is neither yes nor no.
    """
    return settings.is_yes(settings.KEEP_LAST_GOOD, default=True)


def mistakes(names: Iterable[str], home: Home) -> dict[str, str]:
    """{recipe: what is wrong with it} of those that are wrong now; the text of each other one is kept."""
    found: dict[str, str] = {}
    for name in names:
        words = mistake(recipe_file.path_of(name), home)
        if words is not None:
            found[name] = words
    return found


def mistake(path: Path, home: Home) -> str | None:
    """What is wrong with the recipe of a file; the text of one that is right is kept, and it is None."""
    text = _text(path)
    try:
        _opened(path, text, home)
    except CompressionError as error:
        return str(error)
    _keep(home, path.parent.name, text or "")
    return None


def definitions(path: Path, mistake: str, home: Home) -> dg.Definitions:
    """The assets of a wrong recipe's last good version, if there is one, and an asset that says what is wrong."""
    name = path.parent.name
    text = _text(home.last_good / f"{name}.yaml")
    try:
        pipeline = _opened(path, text, home) if text is not None else None
    except CompressionError:  # right for an older release, or for code that is broken now
        pipeline = None
    marker = dg.AssetSpec(
        key(name, MARKER),
        group_name=name,
        description=_page(mistake, _ENOUGH if pipeline else _NOTHING),
        kinds={"error"},
        metadata={"recipe": dg.MetadataValue.path(str(path))},
    )
    if pipeline is None:
        return dg.Definitions(assets=[marker])
    served = assets.definitions(pipeline)
    computed = [asset for asset in served.assets or () if isinstance(asset, dg.AssetsDefinition)]
    observed = [asset for asset in served.assets or () if not isinstance(asset, dg.AssetsDefinition)]
    marked = dg.map_asset_specs(lambda spec: _marked(spec, mistake), computed)
    return dg.Definitions(assets=[marker, *observed, *marked], schedules=served.schedules, sensors=served.sensors)


def _marked(spec: dg.AssetSpec, mistake: str) -> dg.AssetSpec:
    description = f"{_page(mistake, _ENOUGH)}\n\n{spec.description or ''}"
    kinds = spec.kinds | {MARKER} if len(spec.kinds) < _BADGES else spec.kinds
    return spec.replace_attributes(description=description, kinds=kinds)


def _page(mistake: str, consequence: str) -> str:
    return f"**The recipe is wrong**: {consequence}.\n\n```\n{mistake}\n```"


def _text(path: Path) -> str | None:
    """What stands in a file; None where it cannot be read, which reading it as a recipe says in words."""
    try:
        return bounds.text_of(path)
    except (OSError, ValueError):
        return None


def _opened(path: Path, text: str | None, home: Home) -> Pipeline:
    """A checked recipe, with the code of all of its stages parsed."""
    pipeline = Pipeline.of(recipe_file.read(path, text), home)
    _ = pipeline.graph.versions
    return pipeline


def _keep(home: Home, name: str, text: str) -> None:
    """Write a recipe's text, whole or not at all: several of Dagster's processes may do so at once."""
    kept = home.last_good / f"{name}.yaml"
    if _text(kept) == text:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(kept, text.encode())
