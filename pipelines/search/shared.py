"""A study that the machines of a team share: Optuna's log of it as lines of the journal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from pipelines.state.journal.journal import Journal

_LINES = "study.lines"


class Log(BaseJournalBackend):
    """What Optuna did to a study, in the journal of its folder, so that any machine goes on with it."""

    def __init__(self, journal: Journal, former: Path) -> None:
        """A log of this machine's own, which `former` is where there is one, is taken over if there is none yet."""
        self._journal = journal
        self._seen, self._count = (-1, -1), 0
        if former.exists() and not next(journal.lines(_LINES), None):
            self.append_logs([json.loads(line) for line in former.read_bytes().splitlines()])

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """All from a number on. Optuna asks before everything that it does, and mostly there is nothing new."""
        stamp = self._journal.stamp(_LINES)
        if stamp == self._seen and log_number_from >= self._count:
            return
        found = list(self._journal.lines(_LINES))
        self._seen, self._count = stamp, len(found)
        yield from map(json.loads, found[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """One after the other."""
        for log in logs:
            self._journal.append(_LINES, json.dumps(log))
