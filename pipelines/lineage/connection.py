"""Opens MLflow: creates and migrates the local database once, whatever number of processes start together."""

import logging
import os
import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from compression_ops.errors import CompressionError
from pipelines.state.home import Home

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


class TrackingUnavailable(CompressionError):
    """MLflow's tracking store does not answer."""


def client(home: Home) -> "MlflowClient":
    """A client of the tracking store that the settings name. Raises TrackingUnavailable if it does not answer."""
    prepare(home)
    return _open(home.tracking_uri)


@cache
def _open(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    opened = MlflowClient(tracking_uri=uri)
    try:
        opened.search_experiments(max_results=1)
    except MlflowException as error:
        raise TrackingUnavailable(
            f"MLflow at {uri} does not answer: {str(error)[:300]}\n"
            "  start the server that MLFLOW_TRACKING_URI names, or unset it to use the local database"
        ) from error
    return opened


def use(uri: str) -> None:
    """Point MLflow's fluent calls at a store, but leave no trace in the environment that would pass for a setting."""
    import mlflow

    configured = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    if configured is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = configured


def prepare(home: Home) -> None:
    """Create the local database if it is missing: in a temporary file, migrated, in WAL mode, then linked into place.

    Several processes that migrate one fresh sqlite file at once leave it broken, so only one does, under a lock.
    """
    database = local_database(home)
    if database is None or database.exists():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock"):
        if database.exists():
            return
        temporary = database.with_suffix(".new")
        for leftover in database.parent.glob(f"{temporary.name}*"):
            leftover.unlink()
        _migrate(temporary, home)
        temporary.rename(database)


def local_database(home: Home) -> Path | None:
    """The sqlite file that the tracking URI names, if it is one."""
    prefix = "sqlite:///"
    return Path(home.tracking_uri.removeprefix(prefix)) if home.tracking_uri.startswith(prefix) else None


def artifact_location(home: Home, experiment: str) -> str | None:
    """Where an experiment's artifacts go: an absolute folder beside a local database; a server decides for itself."""
    database = local_database(home)
    return str(database.parent / "artifacts" / experiment) if database else None


def _migrate(file: Path, home: Home) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    logging.getLogger("alembic").setLevel(logging.ERROR)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    store = SqlAlchemyStore(f"sqlite:///{file}", artifact_location(home, "default") or "")
    store.engine.dispose()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
