"""Histories made short: of each asset stays what is read, as `referring` says, and what is within the retention.

What MLflow was not told yet stays too, until it was; so do the later ids of whatever stays.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

from pipelines.retention import referring
from pipelines.retention.pile import Pile
from pipelines.retention.referring import Referring
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.history import RECORDED, History, entry_of
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization
from pipelines.state.recorded import Record, record_of

# The lines that stay: where they are, whether nothing reads them there, all of them.
_Rule = Callable[[Referring, bool, Sequence[bytes]], Sequence[bytes]]


def piles(home: Home, actions: ActionCache, since: float) -> list[Pile]:
    """Entries older than `since`, seconds since 1970, of assets and of searches' trials; and later ids of no entry."""
    own, *tried = referring.of(home)
    kept, used = partial(_kept, since), partial(_used, actions)
    return [
        _pile("entries of histories", [own], _names_of_entries, kept),
        _pile("entries of searches' trials", tried, _names_of_entries, kept),
        _pile("later ids of runs", [own, *tried], lambda _: [RECORDED], used),
    ]


def runs_of_kept(home: Home, actions: ActionCache, artifacts: Collection[str], since: float) -> set[str]:
    """The runs in MLflow of the entries that stay, of their inputs, and of known actions that led to `artifacts`."""
    history, found = History(home.history), set[str]()
    for name in home.history.names():
        lines = _kept(since, Referring(home.history), False, list(home.history.lines(name)))
        entries = [entry for line in lines if (entry := entry_of(line)) is not None]
        found |= {*_ids_of(entries), *_ids_of(map(history.resolved, entries))}
    return found | set(_ids_of(entry for entry in actions.entries() if entry.artifact in artifacts))


def _names_of_entries(where: Referring) -> list[str]:
    return where.journal.names()


def _kept(since: float, where: Referring, is_still: bool, lines: Sequence[bytes]) -> list[bytes]:
    """The lines that stay; what is no entry any more goes."""
    history = History(where.journal)
    entries = [(line, entry) for line in lines if (entry := entry_of(line)) is not None]
    stays = referring.staying([entry for _, entry in entries], since, not is_still)
    return [
        line for (line, entry), is_kept in zip(entries, stays, strict=True) if is_kept or _is_unrecorded(history, entry)
    ]


def _is_unrecorded(history: History, entry: Materialization) -> bool:
    return entry.unrecorded is not None and history.resolved(entry).unrecorded is not None


def _used(actions: ActionCache, where: Referring, _: bool, lines: Sequence[bytes]) -> list[bytes]:
    """The lines that an entry, one of its inputs or a known action is told by.

    A run that was recorded anew more than once has several lines, each of the one before.
    """
    records: dict[str, list[Record]] = {}
    for found in filter(None, map(record_of, lines)):
        records.setdefault(found[0], []).append(found[1])
    waiting = [*_ids_of(History(where.journal).as_written()), *_ids_of(actions.entries())]
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


def _pile(kind: str, places: Sequence[Referring], names: Callable[[Referring], list[str]], rule: _Rule) -> Pile:
    """What goes by a rule for each name of lines in some journals."""
    number = size = 0
    for where in places:
        with where.still() as is_still:
            for name in names(where):
                lines = list(where.journal.lines(name))
                rest = rule(where, is_still, lines) if lines else lines
                number += len(lines) - len(rest)
                size += sum(map(len, lines)) - sum(map(len, rest))

    def remove() -> None:
        for where in places:
            with where.still() as is_still:
                for name in names(where):
                    where.journal.compact(name, partial(rule, where, is_still))

    return Pile(kind, number, size, remove)
