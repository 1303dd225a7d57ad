"""Databases and settings of Dagster's and MLflow's that are damaged: a sentence with a cure, and nothing else is lost.

Recipes: tests/pipelines/recipe/test_fuzz.py. Histories, actions and the home's small files: tests/pipelines/state.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from compression_ops.errors import CompressionError
from pipelines.cli import main
from pipelines.lineage import connection
from pipelines.lineage.database import faults
from pipelines.orchestration import instance as instances
from pipelines.state.home import Home
from tests.faults.conftest import Tell
from tests.pipelines import product

Damage = Callable[[bytes], bytes]


def _flipped(content: bytes) -> bytes:
    """One bit of every 97th byte behind the first page."""
    changed = bytearray(content)
    for place in range(4096, len(content), 97):
        changed[place] ^= 1 << place % 8
    return bytes(changed)


_DAMAGES: dict[str, Damage] = {
    "overwritten": lambda content: b"no database" * 1000,
    "cut in half": lambda content: content[: len(content) // 2],
    "bits flipped": _flipped,
    "its first page zeroed": lambda content: content[:100] + bytes(3996) + content[4096:],
}


def _told(home: Path) -> str:
    """What is told where Dagster's instance cannot be opened, or knows no assets."""
    try:
        with instances.opened(Home(home)) as instance:
            instance.all_asset_keys()
    except CompressionError as error:
        return str(error)
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        return faults.of_database(error, home / "dagster") or f"a traceback: {error!r}"
    return "nothing"


def test_a_damaged_database_of_dagsters_is_named_with_a_cure(recipe: Path, home: Path, tell: Tell) -> None:
    count = 0
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        file = home / "dagster" / name
        whole = file.read_bytes()
        for how, damaged in _DAMAGES.items():
            if name.startswith("schedules") and how == "bits flipped":
                continue  # in pages that no command reads
            file.write_bytes(damaged(whole))
            words = _told(home)
            assert f"Dagster's database {file} is damaged" in words, how
            assert "move it away" in words
            count += 1
        file.write_bytes(whole)
    tell(f"Dagster's databases: {count} damages, each one named with its cure")


@pytest.mark.slow
def test_the_cure_of_a_damaged_database_of_dagsters_loses_no_result(
    recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "dagster" / "history" / "runs.db").write_bytes(b"no database" * 1000)
    product.edit(recipe, "max_accuracy_drop: 100", "max_accuracy_drop: 99")
    monkeypatch.setattr(sys, "argv", ["compression", "run", "tiny"])
    with pytest.raises(SystemExit):
        main._run()  # pyright: ignore[reportPrivateUsage]
    assert "runs.db is damaged" in capsys.readouterr().err
    (home / "dagster").rename(home / "away")
    assert product.computed() == {"benchmark_report"}, "what the edit asks for, and no more"
    assert (home / "dagster" / "dagster.yaml").read_text() == (home / "away" / "dagster.yaml").read_text()


@pytest.mark.parametrize("how", [*_DAMAGES, "emptied"])
def test_a_damaged_database_of_mlflows_is_named_with_a_cure(how: str, home: Path) -> None:
    file = home / "mlflow" / "mlflow.db"
    file.write_bytes(_DAMAGES[how](file.read_bytes()) if how != "emptied" else b"")
    with pytest.raises(CompressionError, match="move it away") as told:
        connection.client(Home(home))
    assert f"MLflow's database {file} " in str(told.value)


_SETTINGS = {
    "{": "is no YAML",
    "\0": "is no YAML",
    "[1]": "holds '[1]', and no settings of Dagster's",
    "5": "holds '5', and no settings of Dagster's",
    "telemetri: {}": 'unexpected config entry "telemetri"',
    "concurrency: 5": "Dagster takes no such settings",
    "run_monitoring: {enabled: maybe}": 'Value "maybe"',
}


def test_settings_of_dagsters_that_are_none_are_told_with_their_file_and_a_cure(
    recipe: Path, home: Path, tell: Tell
) -> None:
    file = home / "dagster" / "dagster.yaml"
    for text, expected in _SETTINGS.items():
        file.write_text(text)
        words = _told(home)
        assert str(file) in words
        assert expected in words
        assert "mend it, or remove it" in words
        assert product.computed() == set(), "what has nothing to do does not open it"
    file.unlink()
    with instances.opened(Home(home)):
        assert "default_limit: 1" in file.read_text(), "it was written anew"
    tell(f"dagster.yaml: {len(_SETTINGS)} mistakes, each one told with its cure")
