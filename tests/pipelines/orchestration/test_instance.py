"""Dagster's instance follows the setting of the shared state, and says where its own settings do not."""

import os
import platform
import threading
import uuid
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import TagType, get_tag_type
from dagster._core.test_utils import create_run_for_test

from compression_ops.errors import CompressionError
from pipelines.orchestration import instance
from pipelines.orchestration.executors.steps import orphans
from pipelines.state.home import Home

_FIRST, _AGAIN = str(uuid.uuid4()), str(uuid.uuid4())


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


@pytest.mark.parametrize("prefix", [".dagster/compression_", "compression/"])
def test_a_run_that_executes_another_again_has_its_tags_and_is_not_taken_for_dead(
    prefix: str, bare_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's UI copied them, by the names that they had until 1.0.0, and the command that they name has ended."""
    tags = {f"{prefix}host": platform.node(), f"{prefix}process": f"{2**22 + 1}@1", f"{prefix}run": _FIRST}
    with instance.opened(Home(bare_home)) as on:
        for run_id in (_FIRST, _AGAIN):
            create_run_for_test(on, run_id=run_id, status=dg.DagsterRunStatus.STARTED, tags=tags)
    killed = threading.Event()

    def kill(process: int, number: int) -> None:
        killed.set()

    monkeypatch.setattr(orphans, "_LOOK", 0.01)
    monkeypatch.setattr(orphans.os, "kill", kill)
    with instance.opened(Home(bare_home)) as on:
        first, again = map(on.get_run_by_id, (_FIRST, _AGAIN))
        assert first is not None
        assert again is not None
        assert (first.status, again.status) == (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED)
        with orphans.none(again):
            assert not killed.wait(0.2)
        with orphans.none(first):
            assert killed.wait(10)
        assert (instance.host(first), instance.host(again)) == (platform.node(), None)
    assert instance.tags("mine")[instance.PROCESS].partition("@")[0] == str(os.getpid())
    assert {get_tag_type(tag) for tag in instance.tags("mine")} == {TagType.HIDDEN}
