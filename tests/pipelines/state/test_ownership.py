"""A shared store is that of one database; here two folders of journals stand for two databases."""

from pathlib import Path

import pytest

from pipelines.state import ownership
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.home import Home
from pipelines.state.journal import journal
from pipelines.state.journal.files import Files


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, Home]:
    """One of the team, one of a trial, on one store."""
    monkeypatch.setenv("COMPRESSION_STORE", f"memory://{tmp_path.name}")
    monkeypatch.setenv("COMPRESSION_STATE", "each folder")
    monkeypatch.setattr(journal, "opened", Files)
    return Home(tmp_path / "team"), Home(tmp_path / "trial")


def _put(home: Home, text: str) -> None:
    """As a run does."""
    store = ArtifactStore(home.store_url, home.root / "cache")
    ownership.claim(home, store)
    folder = home.root / text
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text(text)
    store.put(folder)


def test_the_database_that_first_fills_a_store_owns_it_and_no_other(homes: tuple[Home, Home]) -> None:
    team, trial = homes
    assert not team.owns_store, "nobody said so yet"
    _put(team, "one")
    _put(trial, "two")
    assert (team.owns_store, trial.owns_store) == (True, False)


def test_a_store_whose_results_were_copied_there_is_nobodys_until_somebody_says_so(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    team, _ = homes
    monkeypatch.delenv("COMPRESSION_STATE")
    _put(team, "copied")
    monkeypatch.setenv("COMPRESSION_STATE", "each folder")
    _put(team, "new")
    assert not team.owns_store
    ownership.take(team)
    assert team.owns_store


def test_a_home_with_histories_of_its_own_owns_its_own_store_alone(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    team, _ = homes
    monkeypatch.delenv("COMPRESSION_STATE")
    _put(team, "one")
    assert not team.owns_store
    monkeypatch.delenv("COMPRESSION_STORE")
    assert team.owns_store
