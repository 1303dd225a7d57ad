"""`compression gc`: removes what is older than the retention and that nothing refers to, or says what would go."""

from collections.abc import Generator
from contextlib import contextmanager

from pipelines.retention import collection
from pipelines.retention.pile import Pile
from pipelines.retention.settings import Settings
from pipelines.state import ownership
from pipelines.state.home import Home
from pipelines.state.versions import version


def run(home: Home, asked: Settings, dry_run: bool = False, is_alone: bool = False) -> list[Pile]:
    """What went, or with `dry_run` would go, by kind.

    Raises CompressionError where other homes may use the same store or MLflow, unless `is_alone`.
    """
    version.require(home)
    if not (dry_run or is_alone):
        collection.require_alone(home, asked.mlflow)
    with _found(home, asked) as piles:
        if not dry_run:
            for pile in piles:
                pile.remove()
            if is_alone:
                ownership.take(home)  # so that the schedule need not be told
    return piles


@contextmanager
def _found(home: Home, asked: Settings) -> Generator[list[Pile]]:
    """With what Dagster keeps, whose import takes seconds, if it has kept anything."""
    if home.dagster_in_use != home.dagster or not home.dagster.exists():
        yield collection.find(home, asked.days, asked.mlflow)
        return
    from pipelines.orchestration import instance
    from pipelines.orchestration.jobs import garbage

    with instance.opened(home) as opened:
        yield garbage.find(home, asked, opened)
