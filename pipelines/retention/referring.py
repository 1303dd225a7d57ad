"""Who refers to artifacts: the histories of assets, and those of searches' trials; and which of their entries stay."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.state.history import History
from pipelines.state.home import SEARCHING, Home
from pipelines.state.journal import journal as journals
from pipelines.state.journal.journal import Journal
from pipelines.state.materialization import Materialization

DAY = 86_400.0  # seconds; a stage in progress reads what was the newest when it began


@dataclass(frozen=True)
class Referring:
    """A journal of entries; of a study's trials also the study's folder."""

    journal: Journal
    study: Path | None = None

    @contextmanager
    def still(self) -> Generator[bool]:
        """Whether nothing reads its newest entries, which is so for the block: a study that nobody searches in."""
        if self.study is None:
            yield False
        elif journals.is_shared():  # another machine's lock is not seen from here
            begun = time.time() - DAY
            yield all(entry.time < begun for entry in History(self.journal).as_written())
        else:
            with _locked(self.study) as is_locked:
                yield is_locked

    def artifacts(self, since: float) -> set[str]:
        """The ids of the artifacts that the entries which stay refer to."""
        assets: dict[tuple[str, str], list[Materialization]] = {}
        with self.still() as is_still:
            for entry in History(self.journal).as_written():
                assets.setdefault((entry.recipe, entry.asset), []).append(entry)
            return {
                entry.artifact
                for entries in assets.values()
                for entry in compress(entries, staying(entries, since, not is_still))
            }


def of(home: Home) -> list[Referring]:
    """All of a home: the histories of its assets first."""
    studies = home.studies.items()
    return [Referring(home.history), *(Referring(trials, home.searches / name) for name, trials in studies)]


def staying(entries: Sequence[Materialization], since: float, is_read: bool) -> list[bool]:
    """Which of an asset's entries, in their order, stay: those that are not older than `since`, seconds since 1970.

    If they are read, also the newest one, and the one that was the newest a day ago.
    """
    begun, last = time.time() - DAY, len(entries) - 1
    was_newest = {number for number in range(last) if entries[number].time < begun <= entries[number + 1].time}
    read = {last, *was_newest} if is_read else set[int]()
    return [entry.time >= since or number in read for number, entry in enumerate(entries)]


@contextmanager
def _locked(study: Path) -> Generator[bool]:
    """Whether nobody searches in a study, nor begins to during the block."""
    lock = FileLock(study / SEARCHING)
    if not Path(lock.lock_file).exists():
        yield True
        return
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):  # of somebody else, whose search nobody knows of
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
