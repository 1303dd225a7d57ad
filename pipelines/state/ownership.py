"""Whose a shared store is: that of the database whose histories name all that refers to it.

A database has an id, and the first that computes something for an empty store writes it there, once. A trial's other
database on the same store finds the team's id, so that `compression gc` of the trial does not take the team's results.
"""

import os
from typing import TYPE_CHECKING

from pipelines.state.artifacts import ArtifactStore
from pipelines.state.journal import identity, journal

if TYPE_CHECKING:
    from pipelines.state.home import Home

_FILE = "state.json"  # in the store


def is_owned(home: "Home") -> bool:
    """Whether all that refers to the store is known here: it is this home's, or names the database that homes share."""
    if not os.environ.get("COMPRESSION_STORE"):
        return True
    return journal.is_shared() and _stated(_store(home)) == identity.of(home.journal)


def claim(home: "Home", store: ArtifactStore) -> None:
    """Before something is put: let an empty store name the database that homes share."""
    if not (os.environ.get("COMPRESSION_STORE") and journal.is_shared()):
        return
    if _stated(store) is None and next(store.ids(), None) is None:
        take(home)


def take(home: "Home") -> None:
    """Let the store name the database that homes share, whatever it holds: whoever asks says that it is theirs."""
    if os.environ.get("COMPRESSION_STORE") and journal.is_shared():
        _store(home).write_json(_FILE, {"state": identity.of(home.journal)})


def _store(home: "Home") -> ArtifactStore:
    return ArtifactStore(home.store_url, home.root / "cache")


def _stated(store: ArtifactStore) -> str | None:
    found = store.read_json(_FILE)
    return str(found.get("state")) if isinstance(found, dict) else None
