"""What was materialized: one journal of lines an asset, the newest entry last.

The newest entry is what downstream assets load and what `status` compares with the recipe; it is read from the
journal's end, however long it is. The older ones say which artifacts a retention window still refers to. Which run of
MLflow's an entry got after it was written is told by `recorded`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pipelines.state.journal.files import Files
from pipelines.state.journal.journal import Journal
from pipelines.state.materialization import Materialization, from_json, to_json
from pipelines.state.recorded import Record, Recorded

RECORDED = "recorded.lines"  # the name of `recorded`


class History:
    """The histories of all assets in one journal, or in a folder."""

    def __init__(self, kept: Journal | Path) -> None:
        self._journal: Journal = Files(kept) if isinstance(kept, Path) else kept
        self._recorded = Recorded(self._journal, RECORDED)

    def append(self, entry: Materialization) -> None:
        """Add the newest entry of an asset, which is kept once this returns."""
        self._journal.append(_name(entry.recipe, entry.asset), json.dumps(to_json(entry)))

    def complete(self, run_id: str, record: Record) -> None:
        """Note which run of MLflow's the entries, and inputs of entries, have that were written with `run_id`."""
        self._recorded.add(run_id, record)

    def latest(self, recipe: str, asset: str) -> Materialization | None:
        """The newest entry of an asset, or None if it was never materialized."""
        found = self.latest_as_written(recipe, asset)
        return None if found is None else self._recorded.resolved(found)

    def latest_as_written(self, recipe: str, asset: str) -> Materialization | None:
        """As `latest`, with the ids that it was written with."""
        lines = self._journal.newest_first(_name(recipe, asset))
        return next((entry for line in lines if (entry := entry_of(line))), None)

    def of_asset(self, recipe: str, asset: str) -> Iterator[Materialization]:
        """Every entry of an asset, the newest last."""
        yield from self._recorded.all_resolved(self._read(_name(recipe, asset)))

    def all(self) -> Iterator[Materialization]:
        """Every entry of every asset."""
        yield from self._recorded.all_resolved(self.as_written())

    def resolved(self, entry: Materialization) -> Materialization:
        """An entry as it was written, with the ids that it and its inputs have in MLflow now."""
        return self._recorded.resolved(entry)

    def as_written(self) -> Iterator[Materialization]:
        """Every entry of every asset, with the ids that it was written with."""
        for name in self._journal.names():
            yield from self._read(name)

    def _read(self, name: str) -> Iterator[Materialization]:
        yield from (entry for line in self._journal.lines(name) if (entry := entry_of(line)))


def _name(recipe: str, asset: str) -> str:
    return f"{recipe}/{asset}.jsonl"


def entry_of(line: bytes) -> Materialization | None:
    """The entry of a line; None for one that a killed process left unfinished, or that was edited into no entry: then
    the one before it counts, and what it told of is a known action.
    """
    try:
        return from_json(json.loads(line))
    except (ValueError, RecursionError):
        return None
