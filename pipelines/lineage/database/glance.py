"""Whether a recipe has a champion, looked up without MLflow, whose import takes longer than all else of a `status`."""

import base64
import json
import os
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from pipelines.lineage import connection, names
from pipelines.state.home import Home

_CHAMPION_FOLDER = """
SELECT version.storage_location FROM registered_model_aliases AS alias
JOIN model_versions AS version ON version.name = alias.name AND version.version = alias.version
WHERE alias.name = ? AND alias.alias = ?
"""
_PATIENCE = 2.0  # seconds; a server that is slower is not asked


def has_champion(home: Home, recipe: str) -> bool | None:
    """Whether the registry has a champion of a recipe, with its files where these lie on this machine.

    None if that cannot be told in a moment: the database or the server does not answer, or not to anybody.
    """
    database = connection.local_database(home)
    if database is not None:
        return _in_database(database, names.registered_model(recipe))
    if home.tracking_uri.startswith("http"):
        return _at_server(home.tracking_uri.rstrip("/"), names.registered_model(recipe))
    return None


def _in_database(database: Path, model: str) -> bool | None:
    if not database.exists():
        return False
    try:
        address = f"file:{quote(str(database))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as found:
            row = found.execute(_CHAMPION_FOLDER, (model, names.CHAMPION)).fetchone()
    except sqlite3.Error:
        return None
    if row is None:
        return False
    folder = Path(str(row[0]))
    return not folder.is_absolute() or _lies_elsewhere(folder, database) or (folder / names.MODEL_FILE).is_file()


def _lies_elsewhere(folder: Path, database: Path) -> bool:
    """Whether a version's files were beside another database: they follow at the next command that opens MLflow."""
    return not folder.is_relative_to(database.parent)


def _at_server(address: str, model: str) -> bool | None:
    asked = urlencode({"name": model, "alias": names.CHAMPION})
    stated = urlsplit(address)
    bare = stated._replace(netloc=stated.netloc.rpartition("@")[2]).geturl()
    url = f"{bare}/api/2.0/mlflow/registered-models/alias?{asked}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=_credentials(address)), timeout=_PATIENCE):
            return True
    except urllib.error.HTTPError as error:
        return False if _error_code(error) == "RESOURCE_DOES_NOT_EXIST" else None
    except (OSError, ValueError):
        return None


def _credentials(address: str) -> dict[str, str]:
    """As MLflow's client takes them from the environment, or from the address."""
    stated = urlsplit(address)
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or unquote(stated.username or "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(stated.password or "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user and password:
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _error_code(error: urllib.error.HTTPError) -> str:
    try:
        answer: Any = json.loads(error.read())
        return str(answer["error_code"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
