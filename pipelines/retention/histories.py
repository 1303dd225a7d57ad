"""Histories made short: of each asset the newest entry stays, and those within the retention.

What MLflow was not told yet stays too, until it was; so do the later ids of whatever stays.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from pipelines.retention.pile import Pile
from pipelines.state.action_cache import ActionCache
from pipelines.state.history import RECORDED, History, entry_of
from pipelines.state.home import Home
from pipelines.state.journal.append_only import Kept
from pipelines.state.journal.journal import Journal
from pipelines.state.materialization import Materialization
from pipelines.state.recorded import Record, record_of


def piles(home: Home, actions: ActionCache, since: float) -> list[Pile]:
    """Entries older than `since`, seconds since 1970, of assets and of searches' trials; and later ids of no entry."""
    own = [(home.history, True)]
    tried = [(trials, False) for trials in home.studies]
    return [
        _entries("entries of histories", own, since),
        _entries("entries of searches' trials", tried, since),
        _ids([journal for journal, _ in (*own, *tried)], actions),
    ]


def runs_of_kept(home: Home, actions: ActionCache, artifacts: Collection[str], since: float) -> set[str]:
    """The runs in MLflow of the entries that stay, of their inputs, and of known actions that led to `artifacts`."""
    history, found = History(home.history), set[str]()
    for name in home.history.names():
        lines = _kept(history, since, True, list(home.history.lines(name)))
        entries = [entry for line in lines if (entry := entry_of(line)) is not None]
        found |= {*_ids_of(entries), *_ids_of(map(history.resolved, entries))}
    return found | set(_ids_of(entry for entry in actions.entries() if entry.artifact in artifacts))


def _entries(kind: str, journals: Sequence[tuple[Journal, bool]], since: float) -> Pile:
    """Those of some journals, each with whether the newest entry of an asset stays whenever it was."""
    rules: dict[tuple[Journal, str], Kept] = {
        (journal, name): partial(_kept, History(journal), since, has_newest)
        for journal, has_newest in journals
        for name in journal.names()
    }
    return _pile(kind, rules)


def _kept(history: History, since: float, has_newest: bool, lines: Sequence[bytes]) -> list[bytes]:
    """The lines that stay; what is no entry any more goes."""
    entries = [(line, entry) for line in lines if (entry := entry_of(line)) is not None]
    last = len(entries) - 1 if has_newest else -1
    return [
        line
        for number, (line, entry) in enumerate(entries)
        if number == last or entry.time >= since or _is_unrecorded(history, entry)
    ]


def _is_unrecorded(history: History, entry: Materialization) -> bool:
    return entry.unrecorded is not None and history.resolved(entry).unrecorded is not None


def _ids(journals: Sequence[Journal], actions: ActionCache) -> Pile:
    """The lines of `recorded` that no entry, none of its inputs and no known action is told by."""
    rules: dict[tuple[Journal, str], Kept] = {(each, RECORDED): partial(_used, each, actions) for each in journals}
    return _pile("later ids of runs", rules)


def _used(journal: Journal, actions: ActionCache, lines: Sequence[bytes]) -> list[bytes]:
    """A run that was recorded anew more than once has several lines, each of the one before."""
    records: dict[str, list[Record]] = {}
    for found in filter(None, map(record_of, lines)):
        records.setdefault(found[0], []).append(found[1])
    waiting = [*_ids_of(History(journal).as_written()), *_ids_of(actions.entries())]
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in records and name not in used:
            used.add(name)
            waiting += [record.run_id for record in records[name]]
    return [line for line in lines if (found := record_of(line)) is not None and found[0] in used]


def _ids_of(entries: Iterable[Materialization]) -> Iterator[str]:
    for entry in entries:
        yield entry.run_id
        yield from (source.run_id for source in entry.inputs.values() if source.run_id)


def _pile(kind: str, rules: Mapping[tuple[Journal, str], Kept]) -> Pile:
    """What goes by a rule for each name of lines."""
    number = size = 0
    for (journal, name), kept in rules.items():
        lines = list(journal.lines(name))
        rest = kept(lines) if lines else lines
        number += len(lines) - len(rest)
        size += sum(map(len, lines)) - sum(map(len, rest))

    def remove() -> None:
        for (journal, name), kept in rules.items():
            journal.compact(name, kept)

    return Pile(kind, number, size, remove)
