"""Opens MLflow: creates and migrates the local database once, whatever number of processes start together."""

import logging
import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from compression_ops.errors import CompressionError
from pipelines.lineage.database import faults, relocation, schema
from pipelines.state.home import Home
from pipelines.state.versions import version

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_NOT_IN_A_PATH = "%?"
# By MLflow's own defaults a call is given up after four minutes.
_FEW_TRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}
_ONE_TRY = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}


def client(home: Home) -> "MlflowClient":
    """A client of the tracking store that the settings name. Raises TrackingUnavailable if it does not answer."""
    prepare(home)
    return _open(home.tracking_uri)


@cache
def _open(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # where `--json` prints nothing else
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback of what it raises as well
    with faults.told(uri), _settings(_FEW_TRIES):
        opened = MlflowClient(tracking_uri=uri)
        opened.search_experiments(max_results=1)
    return opened


def impatience() -> AbstractContextManager[None]:
    """An outage during the block is told of within a minute: for whoever can do without MLflow, and tell it later."""
    return _settings(_FEW_TRIES)


def haste() -> AbstractContextManager[None]:
    """An outage during the block is told of within seconds: for whoever was told to stop."""
    return _settings(_ONE_TRY)


@contextmanager
def _settings(wanted: Mapping[str, str]) -> Generator[None]:
    """Settings of MLflow's, where the user has not chosen others."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


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
    """Create the local database if it is missing; let one of a home that was moved know where its artifacts lie now.

    Raises CompressionError if a later version wrote the home.
    """
    version.require(home)
    database = local_database(home)
    if database is None:
        return
    if any(sign in str(database) for sign in _NOT_IN_A_PATH):
        raise CompressionError(
            f"the folder {str(database.parent)!r} has one of the characters {' '.join(_NOT_IN_A_PATH)}, which no "
            "address of a database may have\n  set COMPRESSION_HOME to a folder without; a home may be moved or renamed"
        )
    with faults.told(home.tracking_uri):
        if not database.exists():
            _create(database, home)
        elif database == home.own_database:
            schema.follow(home)
            relocation.follow(database)


def _create(database: Path, home: Home) -> None:
    """In a temporary file, migrated, in WAL mode, then linked into place.

    Several processes that migrate one fresh sqlite file at once leave it broken, so only one does, under a lock.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock"):
        if database.exists():
            return
        temporary = database.with_suffix(".new")
        for pattern in (f"{temporary.name}*", f"{database.name}-*"):  # what a database that was removed left behind
            for leftover in database.parent.glob(pattern):
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
