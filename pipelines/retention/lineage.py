"""Runs and models in MLflow that neither a history within the retention nor a registered version leads to.

They are deleted as MLflow deletes: moved to its trash, which `mlflow gc` empties.
"""

from collections.abc import Collection

from pipelines.lineage.run import unreferred
from pipelines.retention.pile import Pile, size
from pipelines.state.home import Home


def piles(home: Home, since: float, referred: Collection[str]) -> list[Pile]:
    """Those that ended before `since`, seconds since 1970; `referred` are the runs of the entries that stay.

    Raises TrackingFault if MLflow does not answer.
    """
    found = unreferred.find(home, since, referred)
    taken = sum(map(size, found.folders))
    return [
        Pile("runs in MLflow", len(found.runs), taken, lambda: unreferred.delete(home, found), is_freed=False),
        Pile("models in MLflow", len(found.models), 0, lambda: None, is_freed=False),  # they go with their runs
    ]
