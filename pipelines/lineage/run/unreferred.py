"""Runs that ended long ago and that nothing refers to any more: neither a history, nor the model registry, nor a run of
these two through what it was made from.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lineage import connection, inputs, names
from pipelines.lineage.database import faults
from pipelines.state.home import Home

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.tracking import MlflowClient

_PAGE = 1000
_OF_VERSIONS = (names.RUN, names.DATASET_RUN, names.DECIDED_BY)


@dataclass(frozen=True)
class Unreferred:
    """What may go to MLflow's trash: ids of runs and of logged models, and folders of their files on this machine."""

    runs: tuple[str, ...]
    models: tuple[str, ...]
    folders: tuple[Path, ...]


def find(home: Home, since: float, referred: Collection[str]) -> Unreferred:
    """What ended before `since` (seconds since 1970), and to which none of the runs `referred` leads.

    Only runs of this product are looked at. Raises TrackingFault if MLflow does not answer.
    """
    client = connection.client(home)
    with faults.told(home.tracking_uri):
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs = {run.info.run_id: run for run in _runs(client, experiments)}
        kept = _with_ancestors(runs, {*referred, *_of_versions(client), *_recent(runs.values(), since)})
        loose = [run for run_id, run in runs.items() if run_id not in kept]
        loose_ids = {run.info.run_id for run in loose}
        models = [model for model in _models(client, experiments) if model.source_run_id in loose_ids]
    places = [run.info.artifact_uri for run in loose] + [model.artifact_location for model in models]
    folders = tuple(path for place in places if place and (path := Path(place.removeprefix("file://"))).is_dir())
    return Unreferred(tuple(sorted(loose_ids)), tuple(sorted(model.model_id for model in models)), folders)


def delete(home: Home, found: Unreferred) -> None:
    """Move it to MLflow's trash, whence `mlflow gc` frees it. Raises TrackingFault if MLflow does not answer."""
    client = connection.client(home)
    with faults.told(home.tracking_uri):
        for model_id in found.models:
            client.delete_logged_model(model_id)
        for run_id in found.runs:
            client.delete_run(run_id)


def _runs(client: "MlflowClient", experiments: list[str]) -> "Iterator[Run]":
    token = None
    while experiments:
        page = client.search_runs(experiments, f"tags.`{names.RECIPE}` != ''", max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _models(client: "MlflowClient", experiments: list[str]) -> "Iterator[LoggedModel]":
    token = None
    while experiments:
        page = client.search_logged_models(experiments, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _recent(runs: "Iterable[Run]", since: float) -> Iterator[str]:
    """Those that go on, or ended since then; and a search whose trials did."""
    for run in runs:
        ended = run.info.end_time
        if ended is None or ended >= 1000 * since:
            yield run.info.run_id
            if names.PARENT in run.data.tags:
                yield run.data.tags[names.PARENT]


def _of_versions(client: "MlflowClient") -> Iterator[str]:
    """The runs that versions of registered models came from, were decided by, and were trained on."""
    token = None
    while True:
        page = client.search_model_versions(max_results=_PAGE, page_token=token)
        for version in page:
            tags = version.tags
            yield from filter(None, (version.run_id, *(tags.get(name) for name in _OF_VERSIONS)))
        token = page.token
        if not token:
            return


def _with_ancestors(runs: "dict[str, Run]", kept: set[str]) -> set[str]:
    """These, and all that they were made from, however far."""
    found: set[str] = set()
    waiting = list(kept)
    while waiting:
        run_id = waiting.pop()
        if run_id in found:
            continue
        found.add(run_id)
        if run_id in runs:
            waiting += [source.run_id for source in inputs.from_tags(runs[run_id].data.tags).values() if source.run_id]
    return found
