"""Decisions that are made in MLflow, and wait until it is there: an empty file each, so that a sync can make them."""

from pathlib import Path

from compression_ops.errors import CompressionError
from pipelines.state.home import Home


class Postponed(CompressionError):
    """An asset is decided in MLflow, which is out of reach."""


def note(home: Home, recipe: str, asset: str) -> None:
    """Remember that somebody asked for a decision."""
    path = _path(home, recipe, asset)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def forget(home: Home, recipe: str, asset: str) -> None:
    """It is made."""
    _path(home, recipe, asset).unlink(missing_ok=True)


def is_asked(home: Home, recipe: str, asset: str) -> bool:
    """Whether a decision waits."""
    return _path(home, recipe, asset).exists()


def _path(home: Home, recipe: str, asset: str) -> Path:
    return home.postponed / recipe / asset
