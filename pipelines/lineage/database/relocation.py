"""A home that was moved or copied: MLflow's database says in absolute paths where artifacts lie; they follow it.

Else a moved home would find no model and make the old folder anew, and a copied one would write into the original.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_ARTIFACTS = "artifacts"
# All that MLflow (mlflow 3.17.2) keeps of where files lie, {table: column}.
_LOCATIONS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
_PATIENCE = 30.0  # seconds until a database that another process writes is free


def follow(database: Path) -> None:
    """Rewrite what lay beside the database where it was before to what lies beside it now, all at once, and say so.

    Whatever lies elsewhere, as in an object store, stays. Raises sqlite3.Error if the file is no database of MLflow's.
    """
    with closing(sqlite3.connect(database, timeout=_PATIENCE, isolation_level=None)) as connection:
        if not _former(connection, database.parent):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            former = _former(connection, database.parent)  # another process may have been first
            for folder in former:
                _rewrite(connection, folder, database.parent)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    for folder in former:
        logging.getLogger("compression").warning(
            f"this home was moved or copied from {folder.parent}: MLflow's artifacts are looked for in "
            f"{database.parent / _ARTIFACTS} from now on, where the former folder's must lie as well"
        )


def _former(connection: sqlite3.Connection, folder: Path) -> list[Path]:
    """The folders that the database lay in when its experiments were made, other than where it lies now."""
    known = connection.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
    found = (place for row in known for place in _place(*map(str, row)) if place != folder)
    return list(dict.fromkeys(found))


def _place(experiment_id: str, name: str, location: str) -> Iterator[Path]:
    """The folder of a home's database, from an experiment that was made there by us or by MLflow's own pages."""
    path = Path(location)
    for below in (f"default/{experiment_id}", name, experiment_id):
        end = Path("mlflow", _ARTIFACTS, below).parts
        if path.is_absolute() and path.parts[-len(end) :] == end:
            yield Path(*path.parts[: -len(end) + 1])
            return


def _rewrite(connection: sqlite3.Connection, before: Path, after: Path) -> None:
    old, new = f"{before / _ARTIFACTS}/", f"{after / _ARTIFACTS}/"
    for table, column in _LOCATIONS.items():
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (new, len(old) + 1, len(old), old),
        )
