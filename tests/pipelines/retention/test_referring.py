"""What something in progress reads stays, however old: of a search's trials, and under a long training."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from pipelines.retention import artifacts, histories
from pipelines.retention.artifacts import Stores
from pipelines.state.history import History
from pipelines.state.home import SEARCHING, Home
from pipelines.state.journal import reading
from pipelines.state.journal.journal import Journal
from pipelines.state.materialization import Source
from tests.pipelines.state.test_history import ENTRY

_DAY = 86_400.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("COMPRESSION_STORE", raising=False)
    return Home(tmp_path / "home")


def _add(home: Home, where: Journal, text: str, days: float, asset: str = "dataset") -> str:
    """The artifact of an entry of so many days ago."""
    folder = home.root / "made" / text
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text(text)
    store = Stores.of(home).store
    stored = store.put(folder).id
    os.utime(store.fetch(stored) / "manifest.json", (1, 1))
    moment = time.time() - days * _DAY
    History(where).append(replace(ENTRY, time=moment, asset=asset, artifact=stored, inputs={}))
    return stored


def _collect(home: Home, days: float) -> set[str]:
    """Everything that is not of the last days goes, twice; the artifacts that are left."""
    stores, since = Stores.of(home), time.time() - days * _DAY
    for _ in range(2):
        for pile in (*artifacts.piles(stores, since), *histories.piles(home, stores.actions, since)):
            pile.remove()
    return set(stores.store.ids())


def test_what_the_trials_of_a_search_in_progress_read_stays_until_it_ends(home: Home) -> None:
    trials, study = home.trials.within("r/0123/history"), home.searches / "r" / "0123"
    _add(home, trials, "older", 3)
    newest = _add(home, trials, "newest", 2)
    with FileLock(study / SEARCHING):
        assert _collect(home, 0) == {newest}
        assert [entry.artifact for entry in History(trials).all()] == [newest]
    assert _collect(home, 0) == set()
    assert not trials.names()


def test_where_locks_of_other_machines_are_not_seen_a_search_of_the_last_day_is_in_progress(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    young, old = (home.trials.within(f"r/{name}/history") for name in ("young", "old"))
    kept = {_add(home, young, "read", 3), _add(home, young, "made", 0.5, "teacher")}
    _add(home, old, "of last week", 7)
    monkeypatch.setattr("pipelines.state.journal.journal.is_shared", lambda: True)
    assert _collect(home, 0) == kept


def test_what_was_the_newest_a_day_ago_stays_under_a_long_training(home: Home) -> None:
    _add(home, home.history, "replaced long ago", 60)
    read = _add(home, home.history, "read by a training", 40)
    newest = _add(home, home.history, "remade meanwhile", 0.1)
    assert _collect(home, 30) == {read, newest}
    assert _collect(home, 0) == {read, newest}
    assert [entry.artifact for entry in History(home.history).all()] == [read, newest]


def test_what_a_computation_reads_stays_until_it_ends_however_long_it_takes(home: Home) -> None:
    _add(home, home.history, "replaced long ago", 60)
    read = _add(home, home.history, "read by a training of weeks", 40)
    newest = _add(home, home.history, "remade meanwhile", 20)
    with reading.named(home.journal, [Source("digest", artifact=read), Source("of a file")]):
        assert _collect(home, 0) == {read, newest}
    assert _collect(home, 0) == {newest}


def test_what_was_replaced_more_than_a_day_ago_goes(home: Home) -> None:
    _add(home, home.history, "replaced", 40)
    newest = _add(home, home.history, "newest", 1.5)
    assert _collect(home, 30) == {newest}


def test_what_another_collection_removes_meanwhile_is_gone_and_no_fault(home: Home) -> None:
    gone = _add(home, home.history, "gone", 40)
    stores = Stores.of(home)
    stores.store.drop(gone)
    assert (stores.store.age(gone), stores.store.size(gone), stores.actions.size("0" * 64)) == (0.0, 0, 0)
    stores.store.drop(gone)
    stores.actions.remove("0" * 64)
