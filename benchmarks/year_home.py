"""A home as it is after a year, without a year's computing: `make` writes it, for `year.py`.

One asset is really computed. Of it, through the product's own writers, each materialization of each asset gets an
artifact (of 1 kB), a known action and an entry of its history; and its run in Dagster and in MLflow are copied, row by
row and file by file, under another id, name and time. At the end every asset is up to date, in Dagster's eyes too,
but for the champion, whose files in MLflow are not made up.
"""

import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import many_assets
from process_time import seconds
from ruamel.yaml import YAML

from pipelines.execution import status
from pipelines.graph.asset import OBSERVED, Asset
from pipelines.orchestration import instance as instances
from pipelines.orchestration.keys import key
from pipelines.pipeline import Pipeline
from pipelines.recipe import file as recipe_file
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization, Source

RECIPE = "many"
_REAL = "dataset"
_DAY = 86_400.0
# What commands tell of an asset, of one kind or another.
_TOLD = {
    **{"train_samples": 180.0, "validation_samples": 20.0, "test_samples": 385.0},
    **{"validation_accuracy": 0.9, "validation_loss": 0.3, "float_validation_accuracy": 0.9, "seconds": 1.0},
}


def make(folder: Path, students: int, materializations: int, days: float) -> int:
    """Fill `folder/home` and write the recipes in `folder/defs`; returns the number of assets.

    Every asset is materialized equally often, so `materializations` is rounded up.
    """
    home, path = Home(folder / "home"), folder / "defs" / RECIPE / recipe_file.FILE_NAME
    many_assets.write(folder, students)
    command = [sys.executable, "-m", "pipelines.cli.main", "run", RECIPE, "--select", _REAL]
    seconds(command, many_assets.environment(folder))
    pipeline = Pipeline.of(recipe_file.read(path), home)
    names = [name for name, asset in pipeline.graph.assets.items() if asset.kind != "champion"]
    rounds = max(1, -(-materializations // len(names)))
    total, now = rounds * len(names), time.time()
    moments = [now - days * _DAY * (1 - number / total) for number in range(1, total + 1)]
    entries = _materialized(pipeline, names * rounds, moments)
    _copy_runs(home, pipeline, entries[: -len(names)])
    _copy_lineage(home, entries)
    with instances.opened(home) as instance:
        for entry in entries[-len(names) :]:
            instance.report_runless_asset_event(_event(pipeline, entry))
    _without_automation(folder, path)
    return len(names)


def _materialized(pipeline: Pipeline, names: list[str], moments: list[float]) -> list[Materialization]:
    """Entries of these assets, one after the other, written as a run writes them."""
    observed = status._observed(pipeline)  # pyright: ignore[reportPrivateUsage]
    latest = {name: Source(str(digest)) for name, digest in observed.items()}
    entries: list[Materialization] = []
    for number, (name, moment) in enumerate(zip(names, moments, strict=True)):
        entry = _entry(pipeline, pipeline.graph.assets[name], number, moment, latest)
        pipeline.actions.put(entry)
        pipeline.history.append(entry)
        latest[name] = Source(
            entry.digest, entry.run_id, None, entry.experiment_id, entry.artifact, pipeline.graph.derivations[name]
        )
        entries.append(entry)
    return entries


def _entry(
    pipeline: Pipeline, asset: Asset, number: int, moment: float, latest: Mapping[str, Source]
) -> Materialization:
    with tempfile.TemporaryDirectory(dir=pipeline.home.root) as scratch:
        (Path(scratch) / "made_up.json").write_text(json.dumps({"number": number, "filling": "x" * 1000}))
        artifact = pipeline.store.put(Path(scratch))
    return Materialization(
        recipe=RECIPE,
        asset=asset.name,
        time=moment,
        derivation=pipeline.graph.derivations[asset.name],
        parameters=asset.values,
        code=asset.code_digests,
        inputs={name: latest[name] for name in asset.inputs},
        action=hashlib.sha256(f"{asset.name} {number}".encode()).hexdigest(),
        artifact=artifact.id,
        digest=artifact.digest,
        experiment_id="1",
        run_id=uuid.uuid4().hex,
        model_id=None,
        computed=True,
        seconds=1.0,
        metrics=_TOLD,
        gates=asset.gates,
    )


def _event(pipeline: Pipeline, entry: Materialization) -> dg.AssetMaterialization:
    """As Dagster would have noted it: of which code version, from which versions of its inputs."""
    tags = {"dagster/data_version": entry.digest, "dagster/code_version": pipeline.graph.versions[entry.asset]}
    for name, source in entry.inputs.items():
        known = key(RECIPE, name).to_user_string()
        tags |= {f"dagster/input_data_version/{known}": source.digest}
        tags |= {} if name in OBSERVED else {f"dagster/input_event_pointer/{known}": "NULL"}
    return dg.AssetMaterialization(key(RECIPE, entry.asset), tags=tags)


def _copy_runs(home: Home, pipeline: Pipeline, entries: list[Materialization]) -> None:
    """A run of Dagster's for each entry: its row, its tags, its own database, and what all databases share of it."""
    history = home.dagster / "history"
    with closing(sqlite3.connect(history / "runs.db")) as runs, closing(sqlite3.connect(_index(history))) as index:
        (real,) = runs.execute("SELECT run_id FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        with closing(sqlite3.connect(history / "runs" / f"{real}.db")) as shard:
            shard.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shard.execute("PRAGMA journal_mode=DELETE")
        for entry in entries:
            run_id = str(uuid.uuid4())
            words = {real: run_id, **_names(pipeline, entry.asset)}
            times = dict.fromkeys(("start_time", "end_time"), entry.time)
            stamps = {name: _stamp(entry.time) for name in ("create_timestamp", "update_timestamp", "timestamp")}
            shutil.copy(history / "runs" / f"{real}.db", history / "runs" / f"{run_id}.db")
            with closing(sqlite3.connect(history / "runs" / f"{run_id}.db")) as shard:
                _rewrite(shard, "event_logs", words, stamps)
            for table in ("runs", "run_tags"):
                _copy(runs, table, f"run_id = '{real}'", words, {**times, **stamps})
            _copy(index, "event_logs", f"run_id = '{real}'", words, stamps)
        runs.commit()
        index.commit()


def _index(history: Path) -> Path:
    return history / "runs" / "index.db"


def _names(pipeline: Pipeline, asset: str) -> dict[str, str]:
    """What stands in rows of the real asset and in those of another."""
    node = pipeline.graph.assets[asset].node
    return {f'"{_REAL}"': f'"{node}"', f"{RECIPE}__{_REAL}": f"{RECIPE}__{node}"}


def _stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(moment))


def _copy(on: sqlite3.Connection, table: str, where: str, words: Mapping[str, str], fixed: Mapping[str, Any]) -> None:
    """Copy rows, with some words in all of their texts replaced, and some columns set."""
    for row in list(_rows(on, table, where)):
        row.pop("id", None)
        changed = {name: fixed.get(name, _changed(value, words)) for name, value in row.items()}
        marks = ", ".join("?" * len(changed))
        on.execute(f"INSERT INTO {table} ({', '.join(changed)}) VALUES ({marks})", list(changed.values()))


def _rows(on: sqlite3.Connection, table: str, where: str) -> Iterator[dict[str, Any]]:
    found = on.execute(f"SELECT * FROM {table} WHERE {where}")
    columns = [column[0] for column in found.description]
    return (dict(zip(columns, row, strict=True)) for row in found.fetchall())


def _rewrite(on: sqlite3.Connection, table: str, words: Mapping[str, str], fixed: Mapping[str, Any]) -> None:
    for row in list(_rows(on, table, "1")):
        changed = {name: fixed.get(name, _changed(value, words)) for name, value in row.items()}
        on.execute(
            f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changed)} WHERE id = {row['id']}",
            list(changed.values()),
        )
    on.commit()


def _changed(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for old, new in words.items():
            value = value.replace(old, new)
    return value


def _copy_lineage(home: Home, entries: list[Materialization]) -> None:
    """A run of MLflow's for each entry, with parameters, metrics, tags and data sets; no files."""
    with closing(sqlite3.connect(home.own_database)) as database:
        (real,) = database.execute("SELECT run_uuid FROM runs ORDER BY start_time DESC LIMIT 1").fetchone()
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")] for table in tables}
        own = ["runs", *(table for table, names in columns.items() if table != "runs" and "run_uuid" in names)]
        for entry in entries:
            words = {real: entry.run_id}
            times = {name: int(1000 * entry.time) for name in ("start_time", "end_time")}
            for table in own:
                fixed = {**times, "name": entry.asset} if table == "runs" else {}
                _copy(database, table, f"run_uuid = '{real}'", words, fixed)
            fresh = {"input_uuid": uuid.uuid4().hex}
            _copy(database, "inputs", f"destination_id = '{real}'", words, fresh)
        database.commit()


def _without_automation(folder: Path, path: Path) -> None:
    """The same recipe in `folder/quiet`, which no daemon computes by itself."""
    content: Any = YAML(typ="safe").load(path)
    content["attributes"]["automation"] = {"mode": "off"}
    target = folder / "quiet" / RECIPE / recipe_file.FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w") as stream:
        YAML().dump(content, stream)
