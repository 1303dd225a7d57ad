"""A home and a folder of recipes of their own for each test."""

from pathlib import Path

import pytest

from tests.pipelines import recipes


@pytest.fixture()
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty COMPRESSION_HOME; no other setting of the caller's environment gets through."""
    for name in ("MLFLOW_TRACKING_URI", "COMPRESSION_STORE", "DAGSTER_HOME", "COMPRESSION_MLFLOW_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("COMPRESSION_HOME", str(folder))
    return folder


@pytest.fixture()
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of recipes that holds the recipe `tiny`."""
    folder = tmp_path / "defs"
    monkeypatch.setenv("COMPRESSION_DEFS", str(folder))
    recipes.write(folder)
    return folder
