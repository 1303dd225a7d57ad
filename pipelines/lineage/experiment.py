"""A recipe's experiment in MLflow: created, described, and rid of runs whose process was killed."""

import hashlib
import logging
from typing import TYPE_CHECKING

from pipelines.lineage import connection, description, names
from pipelines.lineage.database.faults import TrackingFault
from pipelines.state.home import Home
from pipelines.state.journal.processes import Process

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient


def open_for(client: "MlflowClient", home: Home, recipe: str, summary: str) -> str:
    """The id of a recipe's experiment, which is created if it is missing; `summary` is the recipe in a line.

    One that somebody deleted still holds its name, and its runs are all there: it is restored, which loses nothing.
    Raises TrackingFault if that is not allowed.
    """
    found = client.get_experiment_by_name(names.experiment(recipe)) or _created(client, home, recipe)
    if found.lifecycle_stage == "deleted":
        _restore(client, home, found)
    if summary:
        _describe(client, found, description.of_experiment(recipe, summary))
    _close_orphans(client, home, found.experiment_id)
    return found.experiment_id


def _restore(client: "MlflowClient", home: Home, experiment: "Experiment") -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.restore_experiment(experiment.experiment_id)
    except MlflowException as error:
        restored = client.get_experiment(experiment.experiment_id)
        if restored.lifecycle_stage == "active":  # another process was first
            return
        where = f"MLFLOW_TRACKING_URI={home.tracking_uri} " if connection.local_database(home) else ""
        raise TrackingFault(
            f"experiment {experiment.name!r} is deleted in MLflow, where it still holds its name\n"
            f"  restore it: `{where}mlflow experiments restore --experiment-id {experiment.experiment_id}`"
        ) from error
    logging.getLogger("compression").warning(
        f"experiment {experiment.name!r} was deleted in MLflow: it is restored, with all of its runs"
    )


def _created(client: "MlflowClient", home: Home, recipe: str) -> "Experiment":
    from mlflow.exceptions import MlflowException

    name = names.experiment(recipe)
    try:
        return client.get_experiment(client.create_experiment(name, connection.artifact_location(home, recipe)))
    except MlflowException:  # another process created it in the meantime
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def _describe(client: "MlflowClient", experiment: "Experiment", text: str) -> None:
    """Write the description, unless somebody has edited it since."""
    present = experiment.tags.get(names.DESCRIPTION)
    is_ours = not present or experiment.tags.get(names.WRITTEN_DESCRIPTION) == _digest(present)
    if is_ours and present != text:
        client.set_experiment_tag(experiment.experiment_id, names.DESCRIPTION, text)
        client.set_experiment_tag(experiment.experiment_id, names.WRITTEN_DESCRIPTION, _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _close_orphans(client: "MlflowClient", home: Home, experiment_id: str) -> None:
    """Mark runs as failed whose process is known to be gone: it was killed before it could say so."""
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000):
        tags = run.data.tags
        by = Process(tags.get(names.HOST, ""), tags.get(names.PROCESS, ""), tags.get(names.PLACE, ""))
        if by.has_ended(home.journal):
            client.set_tag(run.info.run_id, names.ERROR, "the process that computed this ended before the stage did")
            client.set_terminated(run.info.run_id, "FAILED")
