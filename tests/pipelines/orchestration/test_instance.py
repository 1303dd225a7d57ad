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
from pipelines.state.journal import processes

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


def test_a_run_of_another_container_with_the_same_host_name_is_closed_once_it_has_ended(
    bare_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processes have ids of their own there. What only looks closes no run."""
    home, killed = Home(bare_home), threading.Event()

    def statuses(is_looked_at: bool = False) -> set[dg.DagsterRunStatus]:
        with instance.opened(home, is_looked_at) as on:
            return {run.status for run in on.get_runs()}

    def kill(process: int, number: int) -> None:
        killed.set()

    def of_nobody(pid: int) -> str:
        return "of nobody here"

    with instance.opened(home) as on, processes.present(home.journal):
        with processes.present(home.journal):  # as an asset of a run does
            tags = instance.tags(_FIRST)
        run = create_run_for_test(on, run_id=_FIRST, status=dg.DagsterRunStatus.STARTED, tags=tags)
        monkeypatch.setattr(processes, "_place", lambda: "elsewhere")
        monkeypatch.setattr(processes, "identity", of_nobody)
        monkeypatch.setattr(orphans, "_LOOK", 0.01)
        monkeypatch.setattr(orphans.os, "kill", kill)
        assert statuses() == {dg.DagsterRunStatus.STARTED}
        with orphans.none(run):
            assert not killed.wait(0.1)
    assert statuses(is_looked_at=True) == {dg.DagsterRunStatus.STARTED}
    (home.root / "identity.json").rename(home.root / "away")
    assert statuses() == {dg.DagsterRunStatus.STARTED}, "of another home's processes nothing is known"
    (home.root / "away").rename(home.root / "identity.json")
    assert statuses() == {dg.DagsterRunStatus.FAILURE}
    assert processes.own().place == "elsewhere", "it is present no more"
