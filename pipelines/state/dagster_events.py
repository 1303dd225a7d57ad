"""What Dagster has forgotten, looked up without Dagster, whose import takes longer than a run that computes nothing."""

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.state.home import Home

_ELSEWHERE = ("storage", "event_log_storage")  # settings that keep events in another place than the folder
_NEWEST = """
SELECT keys.asset_key FROM asset_keys AS keys WHERE EXISTS (
  SELECT 1 FROM event_logs AS events
  WHERE events.asset_key = keys.asset_key AND events.dagster_event_type = 'ASSET_MATERIALIZATION'
  AND (keys.wipe_timestamp IS NULL OR events.timestamp > keys.wipe_timestamp))
"""


def forgotten(home: Home, keys: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Of assets, {name: Dagster's key}, those that Dagster knows no materialization of: wiped, or lost with its folder.

    Empty where that cannot be told: its events are in another place, or do not answer.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or home.dagster)
    settings = folder / "dagster.yaml"
    try:
        stated: Any = YAML(typ="safe").load(settings) if settings.exists() else None
    except (YAMLError, UnicodeDecodeError):  # which is told where Dagster is opened
        return set()
    if not isinstance(stated, dict | None) or any(name in (stated or {}) for name in _ELSEWHERE):
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
