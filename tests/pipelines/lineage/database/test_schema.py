"""MLflow's database in the home after MLflow was upgraded: nothing in it is lost, whatever the migration does."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.store.db import utils

from pipelines.lineage.database import schema
from pipelines.state.home import Home

_NEWEST = schema._revisions()[1]  # pyright: ignore[reportPrivateUsage]
_FORMER = min(schema._revisions()[0] - {_NEWEST})  # pyright: ignore[reportPrivateUsage]


@contextmanager
def _opened(database: Path) -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(database)) as found, found:
        yield found


def _make(database: Path, content: str) -> None:
    """A database of a former schema, as far as it is looked at before it is migrated."""
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    with _opened(database) as found:
        found.execute("CREATE TABLE alembic_version (version_num TEXT)")
        found.execute("INSERT INTO alembic_version VALUES (?)", [_FORMER])
        found.execute("CREATE TABLE runs (name TEXT)")
        found.execute("INSERT INTO runs VALUES (?)", [content])


def _content(database: Path) -> str:
    with _opened(database) as found:
        return str(found.execute("SELECT name FROM runs").fetchone()[0])


def _fail(engine: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    raise RuntimeError("half way")


def test_a_migration_that_fails_gives_back_what_was_there_and_not_an_older_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    older = home.root / "former-mlflow" / f"{_FORMER}.db"
    _make(older, "of last year")
    _make(home.own_database, "of today")
    monkeypatch.setattr(utils, "_upgrade_db", _fail)
    for _ in range(2):
        schema.follow(home)
        assert _content(home.own_database) == "of today"
    assert _content(older) == "of last year"
    assert list(older.parent.iterdir()) == [older], "tries that fail leave no copies"


def test_each_migration_keeps_a_copy_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    monkeypatch.setattr(utils, "_upgrade_db", lambda engine: None)  # pyright: ignore[reportUnknownLambdaType]
    folder = home.root / "former-mlflow"
    folder.mkdir()
    (folder / f"{_FORMER}.new").write_text("of a process that was killed")
    for content in ("first", "second"):
        _make(home.own_database, content)
        schema.follow(home)
    assert {path.name: _content(path) for path in folder.iterdir()} == {
        f"{_FORMER}.db": "first",
        f"{_FORMER}-2.db": "second",
    }
