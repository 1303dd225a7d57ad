"""The runs and models that a tracking store has: many are read by one question, and each only once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

_AT_ONCE = 100  # ids a question; what is read of a model grows with its metrics
# What a store answers that was never told of a run, or may not tell.
_UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "PERMISSION_DENIED")


class Records:
    """What has been read of one tracking store."""

    def __init__(self, client: "MlflowClient") -> None:
        self._client = client
        self._runs: dict[str, Run | None] = {}
        self._models: set[str] = set()

    def read_runs(self, experiments: Mapping[str, str]) -> None:
        """Read runs, {run's id: its experiment's id}, those in MLflow's trash too."""
        from mlflow.entities import ViewType
        from mlflow.exceptions import MlflowException

        for ids in _portions([run_id for run_id in experiments if run_id not in self._runs]):
            self._runs |= dict.fromkeys(ids)
            where = sorted({experiments[run_id] for run_id in ids})
            try:
                found = self._client.search_runs(where, _one_of("run_id", ids), ViewType.ALL)
            except MlflowException as error:
                _require_unknown(error)
                continue
            self._runs |= {run.info.run_id: run for run in found}

    def run(self, run_id: str) -> "Run | None":
        """A run; None if this store does not have it."""
        from mlflow.exceptions import MlflowException

        if run_id not in self._runs:
            try:
                self._runs[run_id] = self._client.get_run(run_id)
            except MlflowException as error:
                _require_unknown(error)
                self._runs[run_id] = None
        return self._runs[run_id]

    def models(self, experiments: Mapping[str, str]) -> set[str]:
        """Of logged models, {model's id: its experiment's id}, those that this store has; a deleted one it has not."""
        from mlflow.exceptions import MlflowException

        for ids in _portions([model_id for model_id in experiments if model_id not in self._models]):
            where = sorted({experiments[model_id] for model_id in ids})
            try:
                found = self._client.search_logged_models(where, _one_of("model_id", ids), max_results=_AT_ONCE)
            except MlflowException as error:
                _require_unknown(error)
                continue
            self._models |= {model.model_id for model in found}
        return self._models & set(experiments)


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))


def _one_of(attribute: str, ids: Sequence[str]) -> str:
    listed = ", ".join(f"'{found}'" for found in ids)
    return f"attributes.{attribute} IN ({listed})"


def _require_unknown(error: "MlflowException") -> None:
    """Raise an error that does not say that the store lacks what was asked for: it may be out of reach for a moment."""
    if error.error_code not in _UNKNOWN:
        raise error
