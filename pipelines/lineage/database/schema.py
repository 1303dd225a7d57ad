"""MLflow's database in the home after MLflow was upgraded: migrated once, with a copy of it kept.

MLflow itself migrates some such databases without a word, and refuses others. The database of a server, or one that
somebody else named, is its owner's to migrate.
"""

import importlib.util
import logging
import re
import sqlite3
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path

from filelock import FileLock

from pipelines.state.home import Home

_REVISION = re.compile(r"^(down_)?revision\b[^=\n]*= *[\"'](\w+)[\"']", re.MULTILINE)


def follow(home: Home) -> None:
    """Bring the home's own database to the schema of the MLflow that is installed, if it has a former one.

    One process does, and says so. Raises sqlite3.Error if the file is no database of MLflow's.
    """
    known, newest = _revisions()
    if _revision(home.own_database) in known - {newest}:
        with FileLock(f"{home.own_database}.lock"):
            _migrate(home.own_database, home.root / "former-mlflow", newest)


def _migrate(database: Path, folder: Path, newest: str) -> None:
    if (revision := _revision(database)) == newest:  # another process was first
        return
    kept = _copied(database, folder, revision)
    from mlflow.store.db import utils  # as its `mlflow db upgrade` does

    logging.getLogger("alembic").setLevel(logging.ERROR)
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{database}")
    try:
        utils._upgrade_db(engine)  # pyright: ignore[reportPrivateUsage]
    except Exception:  # noqa: BLE001  whatever it is, MLflow refuses what it was before, in words
        engine.dispose()
        _copy(kept, database)
        kept.unlink()  # it is what lies there again, and the next try takes its own
        return
    finally:
        engine.dispose()
    logging.getLogger("compression").warning(
        f"MLflow was upgraded: {database} has the schema of this version now; before: {kept}"
    )


def _revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as found:
        row = found.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if row is None else str(row[0])


@cache
def _revisions() -> tuple[frozenset[str], str]:
    """Those that the installed MLflow knows, and the newest, read off its files: importing it takes seconds.

    The newest is "" where they are not as they were in mlflow 3.17.2; then nothing is migrated here.
    """
    spec = importlib.util.find_spec("mlflow")
    places = spec.submodule_search_locations if spec is not None else None
    files = [file for place in places or () for file in Path(place, "store/db_migrations/versions").glob("*.py")]
    found = [each for file in files for each in _REVISION.findall(file.read_text(encoding="utf-8"))]
    known = frozenset(revision for is_former, revision in found if not is_former)
    heads = sorted(known.difference(revision for is_former, revision in found if is_former))
    return (known, heads[0]) if len(heads) == 1 else (frozenset(), "")


def _copied(database: Path, folder: Path, revision: str) -> Path:
    """All that is in it now, with what is in its log still; whole or absent. What was copied before stays beside it."""
    names = (f"{revision}{f'-{number}' * (number > 1)}.db" for number in count(1))
    target = next(path for name in names if not (path := folder / name).exists())
    folder.mkdir(parents=True, exist_ok=True)
    begun = target.with_suffix(".new")
    begun.unlink(missing_ok=True)  # of a process that was killed
    _copy(database, begun)
    return begun.replace(target)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(target)) as copy:
        found.backup(copy)
