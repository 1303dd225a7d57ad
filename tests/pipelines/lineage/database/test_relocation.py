"""A home that was moved or copied: what MLflow keeps of its artifacts follows it, and nothing is written elsewhere."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.lineage.database import relocation
from tests.pipelines import product
from tests.pipelines.images import image

_COLUMNS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
_LAYOUT = """
CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT);
CREATE TABLE runs (artifact_uri TEXT);
CREATE TABLE logged_models (artifact_location TEXT);
CREATE TABLE model_versions (storage_location TEXT);
"""


def _database(folder: Path, former: str) -> Path:
    """MLflow's tables as far as they hold locations, as a home at `former` fills them, and two locations elsewhere."""
    file = folder / "mlflow" / "mlflow.db"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(_LAYOUT)
        places = [
            (0, "Default", f"{former}/mlflow/artifacts/default/0"),
            (1, "tiny", f"{former}/mlflow/artifacts/tiny"),
        ]
        places += [(2, "own", f"{former}/mlflow/artifacts/2"), (3, "far", "s3://bucket/mlflow/artifacts/far")]
        places += [(4, "near", "/data/results/near")]
        connection.executemany("INSERT INTO experiments VALUES (?, ?, ?)", places)
        for table in ("runs", "logged_models", "model_versions"):
            rows = [(f"{place}/{table}",) for _, _, place in places]
            connection.executemany(f"INSERT INTO {table} VALUES (?)", rows)
        connection.commit()
    return file


def _locations(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [
            row[0] for table, column in _COLUMNS.items() for row in connection.execute(f"SELECT {column} FROM {table}")
        ]


@pytest.mark.parametrize("former", ["/old/home", "/old/mlflow/artifacts/home", "/old/ü 100%_home"])
def test_what_lay_in_the_former_home_lies_in_the_present_one_and_all_else_where_it_was(
    former: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = _database(tmp_path, former)
    before = _locations(file)
    relocation.follow(file)
    own = f"{former}/mlflow/artifacts/"
    assert _locations(file) == [
        f"{tmp_path}/mlflow/artifacts/{place.removeprefix(own)}" if place.startswith(own) else place for place in before
    ]
    assert len(caplog.messages) == 1
    assert former in caplog.messages[0]
    relocation.follow(file)
    assert len(caplog.messages) == 1, "it is told once"


@pytest.mark.slow
def test_a_moved_home_predicts_computes_and_leaves_the_former_folder_alone(
    recipe: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "samples: 64", "samples: 63")
    product.run()  # there, so that the home's own path stands in the database
    moved = tmp_path / "elsewhere" / "home"
    shutil.copytree(home, moved)
    shutil.rmtree(home)
    monkeypatch.setenv("COMPRESSION_HOME", str(moved))
    picture = tmp_path / "grey.png"
    image(picture, 120)
    result = CliRunner().invoke(app(), ["predict", "tiny", str(picture)])
    assert result.exit_code == 0, result.exception
    product.edit(recipe, "samples: 63", "samples: 62")
    assert product.computed() == {"quantized_student/int8", "measurements", "benchmark_report", "champion"}
    assert not home.exists()


@pytest.mark.slow
def test_a_copied_home_writes_nothing_into_the_original(
    recipe: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "samples: 64", "samples: 63")
    product.run()
    shutil.copytree(home, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    monkeypatch.setenv("COMPRESSION_HOME", str(tmp_path / "copy"))
    product.edit(recipe, "samples: 63", "samples: 62")
    product.run()
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
