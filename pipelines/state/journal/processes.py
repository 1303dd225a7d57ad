"""Processes as tags of runs tell them, and which of them have ended.

A process's id says something where it was given alone: not in another container, nor on another machine that has the
same host name. There a process is known by what it holds in the journal, which ends with it.
"""

import hashlib
import os
import platform
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipelines.state.journal import identity as journal_identity
from pipelines.state.journal.journal import Journal

_ROOM = "processes"  # of the journal
_held: Counter[str] = Counter()  # the ids of journals in which this process is present, and how often
os.register_at_fork(after_in_child=_held.clear)


@dataclass(frozen=True)
class Process:
    """A process.

    host      the name of its machine or container
    identity  as `identity` says
    place     where its id says something, and the ids of the journals in which it is present; empty as versions up to
              1.0.0 wrote it, and where /proc is missing
    """

    host: str
    identity: str
    place: str = ""

    @property
    def is_here(self) -> bool:
        """Whether its id was given where this process's was."""
        return self.host == platform.node() and (not self.place or self.place.split()[0] == _place())

    def has_ended(self, journal: Journal) -> bool:
        """Whether it is known to be gone: by its id where that says something, else by what it held in the journal."""
        if self.is_here:
            return not is_alive(self.identity)
        if self.host != platform.node():
            return False
        place, *journals = self.place.split()
        if journal_identity.known(journal) not in journals:
            return False
        return f"{place} {self.identity}" not in journal.within(_ROOM).holding()


def own() -> Process:
    """This one."""
    place = " ".join([_place(), *sorted(_held)]) if _place() else ""
    return Process(platform.node(), identity(os.getpid()), place)


@contextmanager
def present(journal: Journal) -> Generator[None]:
    """Inside, whoever shares the journal finds this process alive, wherever that one is."""
    known = journal_identity.of(journal)
    told = f"{_place()} {identity(os.getpid())}"
    with nullcontext() if known in _held else journal.within(_ROOM).held(told):
        _held[known] += 1
        try:
            yield
        finally:
            _held[known] -= 1
            if not _held[known]:
                del _held[known]


def identity(pid: int) -> str:
    """A process's id and start time, which no later process shares; the id alone where /proc is missing, or where the
    process has ended, whether or not its parent has asked how.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return f"{pid}"
    return f"{pid}" if state == "Z" else f"{pid}@{rest[18]}"


def is_alive(known: str) -> bool:
    """Whether the process of an identity still runs here."""
    pid = known.partition("@")[0]
    if not pid.isdigit():
        return False
    if "@" in known:
        return identity(int(pid)) == known
    return Path(f"/proc/{pid}").exists()


@cache
def _place() -> str:
    """Where ids of processes are those of this one: this start of the machine, this container. Empty without /proc."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        found = f"{started} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
    return hashlib.sha256(found.encode()).hexdigest()[:16]
