"""Dagster's instance follows the setting of the shared state, and says where its own settings do not."""

from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.orchestration import instance
from pipelines.state.home import Home


def test_an_instance_of_the_shared_state_is_not_opened_without_it(bare_home: Path) -> None:
    home = Home(bare_home)
    home.dagster.mkdir(parents=True)
    (home.dagster / "dagster.yaml").write_text("storage: {postgres: {postgres_url: {env: COMPRESSION_STATE}}}\n")
    words = r"database of COMPRESSION_STATE, which is not set\n  set it, or move"
    with pytest.raises(CompressionError, match=words), instance.opened(home):
        pass


def test_an_instance_of_a_home_that_is_made_under_the_setting_lies_in_its_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COMPRESSION_STATE", raising=False)
    alone = instance.settings()
    monkeypatch.setenv("COMPRESSION_STATE", "postgresql+psycopg2://u@h/d")
    shared = instance.settings()
    assert shared.startswith(alone)
    assert "storage:\n  postgres:\n    postgres_url:\n      env: COMPRESSION_STATE\n" in shared
    assert "u@h" not in shared, "an address may hold a password"
