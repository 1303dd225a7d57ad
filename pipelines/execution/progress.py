"""Who is told how a run goes: a terminal's display subscribes, stages report; Dagster's log is told separately."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from compression_ops.progress import Progress


@dataclass(frozen=True)
class Started:
    """An asset is being computed."""

    asset: str


@dataclass(frozen=True)
class Advanced:
    """A stage has come so far."""

    asset: str
    progress: Progress


@dataclass(frozen=True)
class Waiting:
    """An asset is not begun yet: another process is at it, and its result will be taken; or `for_what` it waits."""

    asset: str
    for_what: str = "another process that is at it"


@dataclass(frozen=True)
class Ended:
    """An asset is materialized: `computed`, or `reused` from a known action; or it `failed`, or is `skipped` as what it
    is decided in is out of reach.
    """

    asset: str
    outcome: str
    seconds: float


Event = Started | Waiting | Advanced | Ended
_subscribers: list[Callable[[Event], None]] = []


@contextmanager
def subscribed(callback: Callable[[Event], None]) -> Generator[None]:
    """Tell `callback` every event of the stages that run in this process, until the block ends."""
    _subscribers.append(callback)
    try:
        yield
    finally:
        _subscribers.remove(callback)


def report(event: Event) -> None:
    """Tell all subscribers."""
    for callback in _subscribers:
        callback(event)
