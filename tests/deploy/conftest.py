"""One wheel for all tests here."""

from pathlib import Path

import pytest

from tests.deploy import installed
from tests.deploy.installed import Installed


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    return installed.build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed."""
    return installed.install(wheel, tmp_path_factory.mktemp("installed") / "environment")
