"""What a home must be after anything that happened to it, and what a command of it printed."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.orchestration import instance as instances
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home


def begin(home: Home, migrated: Path, finished: Path) -> None:
    """Make a home in which nothing was computed: with empty databases, and with what it knows of code and networks."""
    shutil.copytree(migrated, home.root, dirs_exist_ok=True)
    shutil.copy(finished / "home" / "parsed_modules.json", home.root)
    shutil.copytree(finished / "home" / "dry_runs", home.dry_runs)


def environment(home: Home, defs: Path) -> dict[str, str]:
    """What a command is told."""
    return {"COMPRESSION_HOME": str(home.root), "COMPRESSION_DEFS": str(defs)}


def printed(words: str) -> dict[str, Any]:
    """What `--json` printed, among what stands on standard error."""
    return json.loads(words[words.index("\n{\n") if not words.startswith("{") else 0 : words.rindex("\n}") + 2])


def digests(home: Home, recipe: str = "tiny") -> Mapping[str, str]:
    """{asset: content digest} of the newest entries."""
    return {entry.asset: entry.digest for entry in History(home.history).all() if entry.recipe == recipe}


def assert_nothing_is_torn(home: Home) -> int:
    """Every artifact, entry and action that can be seen is whole; returns how many assets are done."""
    store = ArtifactStore(home.store_url, home.root / "cache")
    for artifact in store.ids():
        if store.contains(artifact):
            store.fetch(artifact)
    entries = list(History(home.history).all())
    for entry in (*entries, *ActionCache(store).entries()):
        store.fetch(entry.artifact)
    return len({entry.asset for entry in entries})


def assert_sound(home: Home) -> int:
    """Databases are whole, and no run of a dead process counts as running; returns how many were closed as failed."""
    for file in (home.own_database, *home.dagster.rglob("*.db")):
        with closing(sqlite3.connect(file)) as database:
            assert database.execute("pragma integrity_check").fetchall() == [("ok",)], file
    with closing(sqlite3.connect(home.own_database)) as database:
        statuses = Counter(status for (status,) in database.execute("select status from runs"))
    assert set(statuses) <= {"FINISHED", "FAILED"}, "MLflow's runs of dead processes are closed"
    with instances.opened(home) as instance:  # as the next command does
        unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
        assert instance.get_runs(unfinished) == []
    assert not list(home.running.glob("stage-*/")), "what stages had written is removed"
    return statuses["FAILED"]
