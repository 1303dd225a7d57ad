"""Which artifacts a computation reads, for `compression gc`: what was replaced meanwhile stays until it ends."""

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from pipelines.state.journal.journal import Journal
from pipelines.state.materialization import Source


@contextmanager
def named(journal: Journal, sources: Iterable[Source]) -> Generator[None]:
    """Inside, whoever shares the journal finds the artifacts of these sources by `artifacts`."""
    with journal.held(json.dumps([source.artifact for source in sources if source.artifact])):
        yield


def artifacts(journal: Journal) -> set[str]:
    """The ids of those that processes read now, on all machines."""
    return {str(artifact) for text in journal.holding() for artifact in json.loads(text)}
