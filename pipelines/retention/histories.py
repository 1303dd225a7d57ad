"""Histories made short: of each asset the newest entry stays, and those within the retention.

What MLflow was not told yet stays too, until it was; so do the later ids of whatever stays.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipelines.retention.pile import Pile
from pipelines.state import append_only
from pipelines.state.action_cache import ActionCache
from pipelines.state.history import RECORDED, History, entry_of
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization
from pipelines.state.recorded import Record, record_of

_LINES = "*.jsonl"


def piles(home: Home, actions: ActionCache, since: float) -> list[Pile]:
    """Entries older than `since`, seconds since 1970, of assets and of searches' trials; and later ids of no entry."""
    own = [(home.history, True)]
    tried = [(folder, False) for folder in sorted(home.searches.glob("*/*/history"))]
    return [
        _entries("entries of histories", own, since),
        _entries("entries of searches' trials", tried, since),
        _ids([folder for folder, _ in (*own, *tried)], actions),
    ]


def runs_of_kept(home: Home, actions: ActionCache, artifacts: Collection[str], since: float) -> set[str]:
    """The runs in MLflow of the entries that stay, of their inputs, and of known actions that led to `artifacts`."""
    history, found = History(home.history), set[str]()
    for file in home.history.rglob(_LINES):
        lines = _kept(history, since, True, file.read_bytes().splitlines(keepends=True))
        entries = [entry for line in lines if (entry := entry_of(line)) is not None]
        found |= {*_ids_of(entries), *_ids_of(map(history.resolved, entries))}
    return found | set(_ids_of(entry for entry in actions.entries() if entry.artifact in artifacts))


def _entries(kind: str, folders: Sequence[tuple[Path, bool]], since: float) -> Pile:
    """Those of some folders, each with whether the newest entry of an asset stays whenever it was."""
    rules = {
        file: partial(_kept, History(folder), since, has_newest)
        for folder, has_newest in folders
        for file in sorted(folder.rglob(_LINES))
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


def _ids(folders: Sequence[Path], actions: ActionCache) -> Pile:
    """The lines of `recorded` that no entry, none of its inputs and no known action is told by."""
    rules = {file: partial(_used, folder, actions) for folder in folders if (file := folder / RECORDED).exists()}
    return _pile("later ids of runs", rules)


def _used(folder: Path, actions: ActionCache, lines: Sequence[bytes]) -> list[bytes]:
    """A run that was recorded anew more than once has several lines, each of the one before."""
    records: dict[str, list[Record]] = {}
    for found in filter(None, map(record_of, lines)):
        records.setdefault(found[0], []).append(found[1])
    waiting = [*_ids_of(History(folder).as_written()), *_ids_of(actions.entries())]
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


def _pile(kind: str, rules: dict[Path, Callable[[Sequence[bytes]], list[bytes]]]) -> Pile:
    number = size = 0
    for file, kept in rules.items():
        lines = file.read_bytes().splitlines(keepends=True)
        rest = kept(lines)
        number += len(lines) - len(rest)
        size += sum(map(len, lines)) - sum(map(len, rest))

    def remove() -> None:
        for file, kept in rules.items():
            with suppress(FileNotFoundError):  # removed by another process
                append_only.compact(file, kept)

    return Pile(kind, number, size, remove)
