"""Artifacts, and the known actions that led to them, that no entry of a history within the retention refers to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipelines.retention import referring
from pipelines.retention.pile import Pile
from pipelines.retention.referring import Referring
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.home import Home
from pipelines.state.journal import reading

_GRACE = 3600.0  # seconds; a run in progress has stored artifacts that its history does not name yet


@dataclass(frozen=True)
class Stores:
    """A store, known actions, and whoever refers to what lies in it or reads it, which others may join at any time."""

    store: ArtifactStore
    actions: ActionCache
    referring: Callable[[], Iterable[Referring]]
    read: Callable[[], set[str]] = set

    @classmethod
    def of(cls, home: Home) -> "Stores":
        """Those of a home."""
        store = ArtifactStore(home.store_url, home.root / "cache")
        return cls(store, ActionCache(store), lambda: referring.of(home), lambda: reading.artifacts(home.journal))


@dataclass(frozen=True)
class Garbage:
    """What may go: artifact ids, action keys, and the bytes that each of the two take."""

    artifacts: tuple[str, ...]
    actions: tuple[str, ...]
    bytes: int
    bytes_of_actions: int


def find(stores: Stores, since: float) -> Garbage:
    """What neither the newest entry of any asset nor an entry since then (seconds since 1970) refers to, and actions
    whose artifact is lost.
    """
    known = stores.actions.entries()  # first: an artifact is there before its action
    ids, kept = set(stores.store.ids()), referred(stores, since)
    artifacts = tuple(sorted(found for found in ids - kept if stores.store.age(found) > _GRACE))
    actions = tuple(sorted(entry.action for entry in known if entry.artifact not in ids.difference(artifacts)))
    size = sum(stores.store.size(artifact) for artifact in artifacts)
    return Garbage(artifacts, actions, size, sum(map(stores.actions.size, actions)))


def remove(stores: Stores, since: float, garbage: Garbage) -> None:
    """Remove it, but for what a run took up again meanwhile; the actions first, so that none points to an artifact that
    is gone.
    """
    for action in garbage.actions:
        stores.actions.remove(action)
    for artifact in set(garbage.artifacts) - referred(stores, since):
        stores.store.drop(artifact)
    stores.store.sweep(referring.DAY)


def piles(stores: Stores, since: float) -> list[Pile]:
    """The same, by kind."""
    garbage = find(stores, since)
    return [
        Pile("artifacts", len(garbage.artifacts), garbage.bytes, lambda: remove(stores, since, garbage)),
        Pile("known actions", len(garbage.actions), garbage.bytes_of_actions, lambda: None),  # they go with artifacts
    ]


def referred(stores: Stores, since: float) -> set[str]:
    """The ids of the artifacts that are kept."""
    return stores.read() | {artifact for each in stores.referring() for artifact in each.artifacts(since)}
