"""`compression gc`: removes what is older than the retention and that nothing refers to, or says what would go."""

from collections.abc import Generator
from contextlib import contextmanager

from pipelines.retention import collection
from pipelines.retention.pile import Pile
from pipelines.retention.settings import Settings
from pipelines.state.home import Home
from pipelines.state.versions import version


def run(home: Home, asked: Settings, dry_run: bool = False) -> list[Pile]:
    """What went, or with `dry_run` would go, by kind; not what other homes may use (`collection.left_out`)."""
    version.require(home)
    with _found(home, asked) as piles:
        if not dry_run:
            for pile in piles:
                pile.remove()
    return piles


@contextmanager
def _found(home: Home, asked: Settings) -> Generator[list[Pile]]:
    """With what Dagster keeps, whose import takes seconds, if it has kept anything."""
    if home.dagster_in_use != home.dagster or not home.dagster.exists():
        yield collection.find(home, asked)
        return
    from pipelines.orchestration import instance
    from pipelines.orchestration.jobs import garbage

    with instance.opened(home) as opened:
        yield garbage.find(home, asked, opened)
