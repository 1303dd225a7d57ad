"""Decisions that are made in MLflow, and wait until it is there: an empty text each, so that a sync can make them."""

from compression_ops.errors import CompressionError
from pipelines.state.home import Home


class Postponed(CompressionError):
    """An asset is decided in MLflow, which is out of reach."""


def note(home: Home, recipe: str, asset: str) -> None:
    """Remember that somebody asked for a decision."""
    home.journal.update(_name(recipe, asset), lambda _: "")


def forget(home: Home, recipe: str, asset: str) -> None:
    """It is made."""
    home.journal.remove(_name(recipe, asset))


def is_asked(home: Home, recipe: str, asset: str) -> bool:
    """Whether a decision waits."""
    return home.journal.text(_name(recipe, asset)) is not None


def _name(recipe: str, asset: str) -> str:
    return f"postponed/{recipe}/{asset}"
