"""A folder that looks like a recipe and is none is not passed over in silence."""

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.definitions import defs as load
from pipelines.recipe import passed_over
from tests.pipelines import recipes


@pytest.fixture
def folders(defs: Path) -> Path:
    """Beside the recipe `tiny`: one of another suffix, one of another name, an empty one, and what is no recipe."""
    for name, file in (("short", "defs.yml"), ("other", "recipe.yaml")):
        (defs / name).mkdir()
        (defs / name / file).write_text(recipes.TINY)
    for name in ("empty", ".hidden", "__pycache__", "code"):
        (defs / name).mkdir()
    (defs / "code" / "net.py").write_text("")
    (defs / "notes.txt").write_text("")
    return defs


def test_each_is_named_with_its_cure(folders: Path) -> None:
    empty, other, short = passed_over.sentences()
    assert f"{folders}/short is passed over: its defs.yml is no recipe by its name; rename it to defs.yaml" == short
    assert f"{folders}/other is passed over: its recipe.yaml" in other
    assert f"{folders}/empty is passed over: it is empty; a recipe is a file defs.yaml in it" in empty


@pytest.mark.parametrize("command", ["check", "status"])
def test_commands_on_all_recipes_warn_and_succeed(command: str, folders: Path) -> None:
    told = CliRunner().invoke(app(), [command])
    assert told.exit_code == 0
    assert told.stderr.replace("\n", " ").count("is passed over") == 3
    assert "passed over" not in CliRunner().invoke(app(), [command, "tiny"]).stderr


def test_dagsters_code_location_logs_them(folders: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("dagster").propagate = True
    with caplog.at_level(logging.WARNING, logger="dagster"):
        load()
    assert sum("is passed over" in record.getMessage() for record in caplog.records) == 3


def test_nothing_is_said_of_recipes_alone_or_where_there_is_no_folder(
    defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert passed_over.sentences() == []
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path / "nowhere"))
    assert passed_over.sentences() == []
