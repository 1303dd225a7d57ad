"""The log of a study of Optuna's: a file of one machine, or lines of the journal of machines that share it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from pipelines.state.journal.journal import Journal

_LINES = "study.lines"


class Log(BaseJournalBackend):
    """What Optuna did to a study, in the journal of its folder, so that any machine goes on with it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen, self._count = (-1, -1), 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """All from a number on. Optuna asks before everything that it does, and mostly there is nothing new."""
        stamp = self._journal.stamp(_LINES)
        if stamp == self._seen and log_number_from >= self._count:
            return
        found = [log for line in self._journal.lines(_LINES) for log in json.loads(line)]
        self._seen, self._count = stamp, len(found)
        yield from found[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """All in one line, which is there whole or not at all."""
        self._journal.append(_LINES, json.dumps(logs))

    @property
    def is_empty(self) -> bool:
        """Whether no machine has tried anything."""
        return next(self._journal.lines(_LINES), None) is None


class LookedAt(BaseJournalBackend):
    """A log as it is now. What Optuna adds to one whenever it opens it is forgotten: whoever looks writes nothing."""

    def __init__(self, log: BaseJournalBackend) -> None:
        self._logs = [*log.read_logs(0)]

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Those there were, and those that were added here."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Not to be kept."""
        self._logs += logs


def opened(journal: Journal | None, file: Path, is_looked_at: bool) -> BaseJournalBackend:
    """The log of a study: its `file` on this machine, or the journal, which takes a file's over if it has none yet.

    Only who searches alone may open one to write to it.
    """
    if journal is None:
        local = JournalFileBackend(str(file))
        return LookedAt(local) if is_looked_at else local
    log = Log(journal)
    if file.exists() and log.is_empty and (logs := [*JournalFileBackend(str(file)).read_logs(0)]):
        if is_looked_at:
            return LookedAt(JournalFileBackend(str(file)))
        log.append_logs(logs)
    return LookedAt(log) if is_looked_at else log
