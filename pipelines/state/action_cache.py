"""The action cache: (stage, its parameters, its code, the contents of its inputs) -> what came out, and who made it."""

from typing import Any

from pipelines.state import history
from pipelines.state.artifacts import ArtifactStore


class ActionCache:
    """Known actions, beside the artifacts in the store."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def get(self, action: str) -> history.Materialization | None:
        """The computation that a known action was; its artifact may have been lost since."""
        fields: Any = self._store.read_json(_file(action))
        return history.from_json(fields) if fields else None

    def put(self, entry: history.Materialization) -> None:
        """Remember a computation."""
        self._store.write_json(_file(entry.action), history.to_json(entry))

    def entries(self) -> list[history.Materialization]:
        """All known actions."""
        found = (self._store.read_json(name) for name in self._store.list_json("actions"))
        return [history.from_json(fields) for fields in found if fields]

    def remove(self, action: str) -> None:
        """Forget an action."""
        self._store.remove_json(_file(action))


def _file(action: str) -> str:
    return f"actions/{action[:2]}/{action}.json"
