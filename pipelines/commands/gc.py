"""`compression gc`: removes what is older than the retention and that nothing refers to, or says what would go."""

from collections.abc import Generator
from contextlib import contextmanager

from pipelines.retention import collection
from pipelines.retention.collection import Found
from pipelines.retention.settings import Settings
from pipelines.state import ownership
from pipelines.state.home import Home
from pipelines.state.versions import version


def run(home: Home, asked: Settings, dry_run: bool = False) -> Found:
    """What went, or with `dry_run` would go, by kind; and what other homes may use, which stays."""
    version.require(home)
    with _found(home, asked, dry_run) as found:
        if not dry_run:
            for pile in found.piles:
                pile.remove()
            if asked.store_is_mine:
                ownership.take(home)  # which need not be said again
    return found


@contextmanager
def _found(home: Home, asked: Settings, with_left: bool) -> Generator[Found]:
    """With what Dagster keeps, whose import takes seconds, if it has kept anything."""
    if home.dagster_in_use != home.dagster or not home.dagster.exists():
        yield collection.find(home, asked, with_left)
        return
    from pipelines.orchestration import instance
    from pipelines.orchestration.jobs import garbage

    with instance.opened(home, is_looked_at=with_left) as opened:
        yield garbage.find(home, asked, opened, with_left)
