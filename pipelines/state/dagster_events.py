"""What Dagster has forgotten, looked up without Dagster, whose import takes longer than a run that computes nothing."""

import json
import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from compression_ops.errors import CompressionError
from pipelines.state.home import Home
from pipelines.state.journal import journal

_ELSEWHERE = ("storage", "event_log_storage")  # settings that keep events in another place than the folder
_NEWEST = """
SELECT keys.asset_key FROM asset_keys AS keys WHERE EXISTS (
  SELECT 1 FROM event_logs AS events
  WHERE events.asset_key = keys.asset_key AND events.dagster_event_type = 'ASSET_MATERIALIZATION'
  AND (keys.wipe_timestamp IS NULL OR events.timestamp > keys.wipe_timestamp))
"""


def forgotten(home: Home, keys: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Of assets, {name: Dagster's key}, those that Dagster knows no materialization of: wiped, or lost with its folder.

    Empty where that cannot be told: its events are neither in its folder nor in PostgreSQL, or do not answer.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or home.dagster)
    settings = folder / "dagster.yaml"
    try:
        stated: Any = YAML(typ="safe").load(settings) if settings.exists() else None
    except (YAMLError, UnicodeDecodeError):  # which is told where Dagster is opened
        return set()
    if not isinstance(stated, dict | None):
        return set()
    is_to_be_made = folder == home.dagster and not settings.exists()  # under the setting of the shared state, if any
    if address := os.environ.get(journal.SETTING) if is_to_be_made else _postgres(stated or {}):
        return _not_in_postgres(address, keys)
    if any(name in (stated or {}) for name in _ELSEWHERE):
        return set()
    database = folder / "history" / "runs" / "index.db"
    if not database.exists():
        return set(keys)
    try:
        address = f"file:{quote(str(database))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as events:
            known = {tuple(json.loads(row[0])) for row in events.execute(_NEWEST)}
    except (sqlite3.Error, ValueError):
        return set()
    return {name for name, key in keys.items() if key not in known}


def _postgres(stated: Mapping[str, Any]) -> str | None:
    """The address of the PostgreSQL database in which a `dagster.yaml` keeps events, if it is one."""
    own: Any = stated.get("event_log_storage")
    if own:
        is_postgres = isinstance(own, Mapping) and str(own.get("module", "")).startswith("dagster_postgres")
        found: Any = own.get("config") if is_postgres else None
    else:
        storage: Any = stated.get("storage")
        found = storage.get("postgres") if isinstance(storage, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    if found.get("postgres_url"):
        return _value(found["postgres_url"])
    return _of_parts(found.get("postgres_db"))


def _of_parts(stated: Any) -> str | None:
    """The address that Dagster makes of its parts; None where one of those is not told here."""
    if not isinstance(stated, Mapping):
        return None
    parts = {name: found for name, value in stated.items() if (found := _value(value)) is not None}
    if len(parts) < len(stated):
        return None
    password = f":{quote(parts['password'], safe='')}" if parts.get("password") else ""
    user = quote(parts.get("username") or "", safe="")
    place = f"{parts.get('hostname') or 'localhost'}:{parts.get('port') or 5432}"
    return f"postgresql://{user}{password}@{place}/{parts.get('db_name') or ''}"


def _value(stated: Any) -> str | None:
    """A setting as it stands, or that of the environment which it names; None where there is neither."""
    found = os.environ.get(str(stated.get("env"))) if isinstance(stated, Mapping) else stated
    return str(found) if isinstance(found, str | int) else None


def _not_in_postgres(address: str, keys: Mapping[str, tuple[str, ...]]) -> set[str]:
    """As `forgotten`; a database that Dagster has not come to yet knows nothing."""
    import sqlalchemy as sql

    from pipelines.state.journal.database import Database, parsed

    def read(connection: sql.Connection) -> set[tuple[str, ...]]:
        if not sql.inspect(connection).has_table("asset_keys"):
            return set()
        return {tuple(json.loads(key)) for key in connection.execute(sql.text(_NEWEST)).scalars()}

    database: Database | None = None
    try:
        database = Database(parsed(address))
        known = database.ask(read)
    except CompressionError as error:
        logging.getLogger("compression").warning(f"what Dagster forgot cannot be told: {error}")
        return set()
    finally:
        if database is not None:
            database.engine.dispose()
    return {name for name, key in keys.items() if key not in known}
