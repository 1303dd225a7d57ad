"""A home and a folder of recipes of their own for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pipelines.lineage import connection
from pipelines.orchestration import instance
from pipelines.state.home import Home
from tests import once
from tests.pipelines import product, recipes

_SETTINGS = (
    "MLFLOW_TRACKING_URI",
    "COMPRESSION_STORE",
    "COMPRESSION_STATE",
    "DAGSTER_HOME",
    "COMPRESSION_MLFLOW_ADDRESS",
    "COMPRESSION_HOME",
    "COMPRESSION_DEFS",
    "COMPRESSION_DEVICE",
    "COMPRESSION_EXECUTOR",
    "COMPRESSION_EXECUTOR_CONFIG",
    "COMPRESSION_WORKERS",
    "COMPRESSION_NEEDS",
    "COMPRESSION_OWN_CODE",
)


@pytest.fixture(scope="session", autouse=True)
def _migrations_read_once() -> Iterator[None]:
    """Of Dagster's and MLflow's packages: a process opens one home, but this one hundreds, each of four databases."""
    read, found = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def kept(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in found:
            found[folder] = read(config)
        return found[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", kept)
        yield


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with nothing but fresh databases, Dagster's and MLflow's: to migrate them takes seconds."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in _SETTINGS:
                patch.delenv(name, raising=False)
            connection.prepare(Home(folder))
            instance.folder(Home(folder))

    return once.made(tmp_path_factory, "template", make)


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A COMPRESSION_HOME that does not exist yet; no other setting of the caller's environment gets through."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("COMPRESSION_HOME", str(folder))
    return folder


@pytest.fixture
def home(bare_home: Path, _migrated: Path, _finished: Path) -> Path:
    """A COMPRESSION_HOME without results, with empty databases; it knows the product's modules, and that the networks
    of `tiny` can go their way. What is new in a home is tested in a `bare_home`.
    """
    shutil.copytree(_migrated, bare_home)
    shutil.copy(_finished / "home" / "parsed_modules.json", bare_home)
    shutil.copytree(_finished / "home" / "dry_runs", bare_home / "dry_runs")
    return bare_home


@pytest.fixture
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """A folder of recipes that holds the recipe `tiny`."""
    folder = tmp_path / "defs"
    monkeypatch.setenv("COMPRESSION_DEFS", str(folder))
    recipes.write(folder)
    return folder


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, _migrated: Path) -> Path:
    """A folder with a home and recipes in which `tiny` has been run."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in _SETTINGS:
                patch.delenv(name, raising=False)
            patch.setenv("COMPRESSION_HOME", str(folder / "home"))
            patch.setenv("COMPRESSION_DEFS", str(folder / "defs"))
            shutil.copytree(_migrated, folder / "home")
            recipes.write(folder / "defs")
            assert len(product.computed()) == 9

    return once.made(tmp_path_factory, "finished", make)


@pytest.fixture
def recipe(home: Path, defs: Path, _finished: Path) -> Path:
    """The file of the recipe `tiny`, which has been run in `home`."""
    shutil.rmtree(home)
    shutil.copytree(_finished / "home", home)
    return defs / "tiny" / "defs.yaml"
