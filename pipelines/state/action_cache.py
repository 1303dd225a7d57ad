"""The action cache: (stage, its parameters, its code, the contents of its inputs) -> what came out, and who made it."""

from typing import Any

from pipelines.state.artifacts import ArtifactStore
from pipelines.state.materialization import Materialization, from_json, to_json


class ActionCache:
    """Known actions, beside the artifacts in the store."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def get(self, action: str) -> Materialization | None:
        """The computation that a known action was; its artifact may have been lost since."""
        fields: Any = self._store.read_json(_file(action))
        return from_json(fields) if fields else None

    def put(self, entry: Materialization) -> None:
        """Remember a computation."""
        self._store.write_json(_file(entry.action), to_json(entry))

    def entries(self) -> list[Materialization]:
        """All known actions."""
        known = (self._store.read_json(name) for name in self._store.list_json("actions"))
        return [from_json(fields) for fields in known if fields]

    def remove(self, action: str) -> None:
        """Forget an action."""
        self._store.remove_json(_file(action))


def _file(action: str) -> str:
    return f"actions/{action[:2]}/{action}.json"
