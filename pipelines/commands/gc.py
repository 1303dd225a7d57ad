"""`compression gc`: removes artifacts and known actions that no asset's history within a retention window refers to."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.state.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.materialization import Materialization

_GRACE = 3600.0  # seconds; a run in progress has stored artifacts that its history does not name yet


@dataclass(frozen=True)
class Garbage:
    """What may go: artifact ids, action keys, and the bytes that the artifacts take."""

    artifacts: tuple[str, ...]
    actions: tuple[str, ...]
    bytes: int


def find(
    store: ArtifactStore, actions: ActionCache, history: History, days: float, trials: History | None = None
) -> Garbage:
    """What neither the newest entry of any asset nor an entry of the last `days` days refers to, those of searches'
    `trials` among them.
    """
    since = time.time() - days * 86_400
    tried = () if trials is None else (entry for entry in trials.all() if entry.time >= since)
    kept = {entry.artifact for entry in (*_kept(history.all(), since), *tried)}
    loose = (artifact for artifact in store.ids() if artifact not in kept)
    artifacts = tuple(sorted(artifact for artifact in loose if store.age(artifact) > _GRACE))
    known = tuple(sorted(entry.action for entry in actions.entries() if entry.artifact in artifacts))
    return Garbage(artifacts, known, sum(store.size(artifact) for artifact in artifacts))


def remove(store: ArtifactStore, actions: ActionCache, garbage: Garbage) -> None:
    """Remove it; the actions first, so that none points to an artifact that is gone."""
    for action in garbage.actions:
        actions.remove(action)
    for artifact in garbage.artifacts:
        store.drop(artifact)
    store.sweep(_GRACE)


def _kept(entries: Iterable[Materialization], since: float) -> list[Materialization]:
    newest: dict[tuple[str, str], Materialization] = {}
    recent: list[Materialization] = []
    for entry in entries:
        newest[entry.recipe, entry.asset] = entry
        if entry.time >= since:
            recent.append(entry)
    return [*newest.values(), *recent]
