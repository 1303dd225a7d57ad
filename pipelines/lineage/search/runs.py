"""A search in MLflow: one run for the whole of it, and in it a run for each trial."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.lineage import connection, environment, experiment, markdown, names
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


class SearchRuns:
    """Writes the runs of one search: the same, whatever number of processes go on with it."""

    def __init__(self, home: Home, recipe: str, study: str, parameters: Mapping[str, Any]) -> None:
        self._client: MlflowClient = connection.client(home)
        self._experiment = experiment.open_for(self._client, home, recipe, "")
        self._recipe = recipe
        self.run_id = self._opened(study, parameters)

    def _opened(self, study: str, parameters: Mapping[str, Any]) -> str:
        found = self._find(f"tags.`{names.SEARCH}` = '{study}'")
        if found is not None:
            run_id = found.info.run_id
            self._client.update_run(run_id, status="RUNNING")
            for tag, value in environment.tags().items():
                self._client.set_tag(run_id, tag, value)
            return run_id
        tags = {names.SEARCH: study, names.RECIPE: self._recipe, **environment.tags()}
        run_id = self._client.create_run(self._experiment, run_name="search", tags=tags).info.run_id
        self._log_parameters(run_id, parameters)
        return run_id

    def trial(
        self,
        number: int,
        values: Mapping[str, Any],
        numbers: Mapping[str, float],
        outcome: str,
        cause: str,
        entries: Iterable[Materialization],
        started: float,
    ) -> str:
        """The run of one trial, once it is over; returns its id.

        values   what was set;  numbers  what was found
        entries  the results that it is made of, whose runs it leads to
        """
        listed = list(entries)
        number_tag = f"tags.`{names.TRIAL}` = '{number}'"
        found = self._find(f"tags.`{names.PARENT}` = '{self.run_id}' and {number_tag}")
        if found is not None:  # the process was killed before its study knew of it
            return found.info.run_id
        tags = {
            names.PARENT: self.run_id,
            names.TRIAL: str(number),
            names.RECIPE: self._recipe,
            names.DESCRIPTION: _description(listed, cause)[: names.TAG_LIMIT],
            **({names.ERROR: cause[: names.TAG_LIMIT]} if outcome == "failed" else {}),
            **{f"{names.RESULT}{entry.asset}": entry.digest for entry in listed},
        }
        run = self._client.create_run(self._experiment, int(1000 * started), tags, f"trial {number}")
        self._log_parameters(run.info.run_id, values)
        self._log_metrics(run.info.run_id, numbers, 0)
        self._log_metrics(self.run_id, numbers, number)
        self._client.set_terminated(run.info.run_id, _STATUS[outcome])
        for entry in listed:
            if entry.computed and entry.unrecorded is None:  # what was known belongs to whoever computed it
                self._client.set_tag(entry.run_id, names.PARENT, run.info.run_id)
        return run.info.run_id

    def end(self, status: str, description: str = "", files: Iterable[Path] = ()) -> None:
        """The search is over, or interrupted (`KILLED`), or failed (`FAILED`); another one goes on with it."""
        for path in files:
            self._client.log_artifact(self.run_id, str(path))
        if description:
            self._client.set_tag(self.run_id, names.DESCRIPTION, description[: names.TAG_LIMIT])
        self._client.set_terminated(self.run_id, status)

    def _find(self, where: str) -> "Run | None":
        found = self._client.search_runs([self._experiment], where, max_results=1)
        return found[0] if found else None

    def _log_parameters(self, run_id: str, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        params = [Param(name, str(value)[: names.PARAMETER_LIMIT]) for name, value in values.items()]
        self._client.log_batch(run_id, params=params)

    def _log_metrics(self, run_id: str, numbers: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value in numbers.items()]
        self._client.log_batch(run_id, metrics=metrics)


def _description(entries: Iterable[Materialization], cause: str) -> str:
    lines = [
        f"- {_link(entry)} `{entry.digest[:12]}`{'' if entry.computed else ', known already'}" for entry in entries
    ]
    return "\n".join([*([markdown.name(cause), ""] if cause else []), "Its results:", "", *lines])


def _link(entry: Materialization) -> str:
    return names.run_link(entry.asset, entry.experiment_id, None if entry.unrecorded else entry.run_id)
