"""The action cache: (stage, its parameters, its code, the contents of its inputs) -> what came out, and who made it."""

from pipelines.state.artifacts import ArtifactStore
from pipelines.state.materialization import Materialization, from_json, to_json


class ActionCache:
    """Known actions, beside the artifacts in the store."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def get(self, action: str) -> Materialization | None:
        """The computation that a known action was; its artifact may have been lost since."""
        return self._read(_file(action))

    def put(self, entry: Materialization) -> None:
        """Remember a computation."""
        self._store.write_json(_file(entry.action), to_json(entry))

    def entries(self) -> list[Materialization]:
        """All known actions."""
        return [entry for name in self._store.list_json("actions") if (entry := self._read(name))]

    def _read(self, name: str) -> Materialization | None:
        """What a file holds; None for one that is no computation any more: it is computed again."""
        try:
            return from_json(self._store.read_json(name))
        except ValueError:
            return None

    def size(self, action: str) -> int:
        """Bytes that a known action takes."""
        return self._store.size_of_json(_file(action))

    def remove(self, action: str) -> None:
        """Forget an action."""
        self._store.remove_json(_file(action))


def _file(action: str) -> str:
    return f"actions/{action[:2]}/{action}.json"
