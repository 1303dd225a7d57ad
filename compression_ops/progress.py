"""How far a computation has come, and who is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """How far a stage has come: `done` of `total` units, and the numbers known at this point.

    `metrics` is non-empty where a unit ended (an epoch, a view, a model); it is what a log line shows.
    """

    description: str
    done: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A progress callback that shows nothing."""
