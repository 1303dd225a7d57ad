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
_PRUNED_EPOCH = "pruned_epoch"


class SearchRuns:
    """Writes the runs of one search: the same, whatever number of processes go on with it."""

    def __init__(self, home: Home, recipe: str, study: str, parameters: Mapping[str, Any]) -> None:
        self._client: MlflowClient = connection.client(home)
        self._experiment = experiment.open_for(self._client, home, recipe, "")
        self._recipe = recipe
        self._trial: Run | None = None
        self.run_id = self._opened(study, parameters)

    def _opened(self, study: str, parameters: Mapping[str, Any]) -> str:
        found = self._find(f"tags.`{names.SEARCH}` = '{study}'")
        if found is not None:
            self._go_on(found)
            return found.info.run_id
        tags = {names.SEARCH: study, names.RECIPE: self._recipe, **environment.tags()}
        run_id = self._client.create_run(self._experiment, run_name="search", tags=tags).info.run_id
        self._log_parameters(run_id, parameters)
        return run_id

    def begin(self, number: int, values: Mapping[str, Any]) -> str:
        """Open the run of a trial, in which `values` are set; returns its id. One that was stopped goes on with it."""
        number_tag = f"tags.`{names.TRIAL}` = '{number}'"
        found = self._find(f"tags.`{names.PARENT}` = '{self.run_id}' and {number_tag}")
        if found is not None:
            self._go_on(found)
            self._trial = found
            return found.info.run_id
        own = {names.PARENT: self.run_id, names.TRIAL: str(number), names.RECIPE: self._recipe}
        self._trial = self._client.create_run(
            self._experiment, tags=own | environment.tags(), run_name=f"trial {number}"
        )
        self._log_parameters(self._trial.info.run_id, values)
        return self._trial.info.run_id

    def tell(
        self,
        numbers: Mapping[str, float],
        outcome: str,
        cause: str,
        entries: Iterable[Materialization],
        epoch: int | None,
    ) -> None:
        """The trial that was begun is over.

        numbers  what was found;  epoch  its last one, if it was pruned while a network trained
        entries  the results that it is made of, whose runs it leads to
        """
        assert self._trial is not None, "a trial was begun"
        listed, run_id = list(entries), self._trial.info.run_id
        tags = {
            names.DESCRIPTION: _description(listed, cause)[: names.TAG_LIMIT],
            **({names.ERROR: cause[: names.TAG_LIMIT]} if outcome == "failed" else {}),
            **{f"{names.RESULT}{entry.asset}": entry.digest for entry in listed},
        }
        for tag, value in tags.items():
            self._client.set_tag(run_id, tag, value)
        if not self._trial.data.metrics:  # else the process was killed before its study knew of it
            self._log_metrics(run_id, {**numbers, **({} if epoch is None else {_PRUNED_EPOCH: epoch})}, 0)
            self._log_metrics(self.run_id, numbers, int(self._trial.data.tags[names.TRIAL]))
        self._client.set_terminated(run_id, _STATUS[outcome])
        self._trial = None

    def epochs(self, entry: Materialization, metric: str) -> list[float]:
        """What a metric of a known result was after each epoch of its training; () where MLflow does not know it."""
        from mlflow.exceptions import MlflowException

        if entry.unrecorded is not None:
            return [told[metric] for told in entry.unrecorded.epochs if metric in told]
        try:
            found = self._client.get_metric_history(entry.run_id, names.epoch_metric(metric))
        except MlflowException:
            return []
        return [each.value for each in sorted(found, key=lambda each: each.step)]

    def end(self, status: str, description: str = "", files: Iterable[Path] = ()) -> None:
        """The search is over, or interrupted (`KILLED`), or failed (`FAILED`); another one goes on with it."""
        if self._trial is not None:
            self._client.set_terminated(self._trial.info.run_id, status)
        for path in files:
            self._client.log_artifact(self.run_id, str(path))
        if description:
            self._client.set_tag(self.run_id, names.DESCRIPTION, description[: names.TAG_LIMIT])
        self._client.set_terminated(self.run_id, status)

    def _go_on(self, run: "Run") -> None:
        """As a run of this process, which may have been closed as that of one which is gone."""
        self._client.update_run(run.info.run_id, status="RUNNING")
        for tag, value in environment.tags().items():
            self._client.set_tag(run.info.run_id, tag, value)
        if names.ERROR in run.data.tags:
            self._client.delete_tag(run.info.run_id, names.ERROR)

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
