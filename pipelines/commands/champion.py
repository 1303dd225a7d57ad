"""The champion in use of a recipe, for whoever wants to run it, or to have the one before."""

from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.kinds import champion
from pipelines.lineage.registry import Registry, Version
from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable
from pipelines.state.history import History
from pipelines.state.home import Home


def in_use(home: Home, recipe: str) -> tuple[Version, Path]:
    """Its version, and a folder with its `model.onnx`.

    Raises CompressionError where the recipe has none, or where its file is lost.
    """
    registry = Registry(home, recipe)
    version = registry.champion()
    if version is None:
        raise CompressionError(_none(recipe, home))
    return version, champion.model_folder(home, recipe, registry, version)


def roll_back(home: Home, recipe: str) -> tuple[Version, Version | None]:
    """Put the version before the champion in use; returns it and the one that is retired, None where none was in use.

    Raises CompressionError where there is none before, or where its file is lost: then nothing is changed.
    """
    registry = Registry(home, recipe)
    return registry.roll_back(lambda version: champion.model_folder(home, recipe, registry, version))


def is_recorded(home: Home, recipe: str, version: Version) -> bool:
    """Whether MLflow has the files of a version, which otherwise are the store's alone."""
    return Registry(home, recipe).is_readable(version)


def in_words(version: Version, recipe: str) -> str:
    """`version 1 of digits (quantized_student/int8, digest 0123456789ab)`."""
    return f"version {version.number} of {recipe} ({version.asset}, digest {version.digest[:12]})"


def _none(recipe: str, home: Home) -> str:
    """Why there is none, and what to do."""
    decided = History(home.history).latest(recipe, "champion")
    if decided is None:
        return (
            f"recipe {recipe!r} has no champion yet\n  run `compression run {recipe}`: it promotes the best quantized "
            "student that passes every gate"
        )
    try:
        words = champion.told(ArtifactStore(home.store_url, home.root / "cache").fetch(decided.artifact))
    except ArtifactUnavailable as fault:
        words = str(fault)
    return (
        f"the MLflow in use knows no champion of recipe {recipe!r}. What was decided last: {words}\n"
        f"  if one was promoted, set MLFLOW_TRACKING_URI to the MLflow that has it, or give a version there the "
        f"alias `champion`; `compression run {recipe}` decides anew"
    )
