"""Real runs in other processes of this machine: what they make, how they are told, killed and stopped."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from pipelines.commands import verify
from pipelines.lineage import connection
from pipelines.state import home as homes
from pipelines.state.history import History
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_QUANTIZED, ALL
from tests.pipelines.orchestration.executors import runs

_DECISION = "champion"  # it depends on what the registry holds, too


@pytest.mark.slow(seconds=40)
def test_a_run_in_other_processes_makes_what_one_process_makes_and_tells_as_it_does(
    home: Path,
    defs: Path,
    _finished: Path,  # noqa: PT019
) -> None:
    with runs.run("multiprocess", "--json") as command:
        code, out, errors = command.end()
        events = command.events()
    assert code == 0, errors
    assert set(json.loads(out)["computed"]) == ALL
    assert {line.partition(":")[0] for line in errors.splitlines() if ": computed (" in line} == ALL
    assert "dagster" not in errors
    assert len({each["process"] for each in events}) == len(ALL), "each in a process of its own"
    alone = History(_finished / "home" / "history")
    for name in ALL - {_DECISION}:
        entry = alone.latest("tiny", name)
        assert entry is not None
        assert product.entry(name).digest == entry.digest, name
    assert product.computed() == set(), "and one process finds nothing left to do"


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_of_a_training_is_followed_by_another(recipe: Path) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 500")))
    with runs.run("multiprocess", "--select", "student/small") as command:
        event = command.event("student/small", "Advanced")
        runs.kill(event)
        code, _, errors = command.end()
        again = [each for each in command.events() if each["event"] == "Started"]
    assert code == 0, errors
    assert len({each["process"] for each in again if each["asset"] == "student/small"}) == 2
    (verdict,) = verify.verify(product.pipeline(), ["student/small"], lambda name, step: None, print)
    assert verdict.reproduced
    assert _statuses("student/small") == ["FAILED", "FINISHED"], "MLflow's run of the process that is gone is closed"


@pytest.mark.slow
def test_a_stop_ends_all_processes_soon_and_in_words(recipe: Path) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 10000")))
    with runs.run("multiprocess", "--select", "student/small") as command:
        event = command.event("student/small", "Advanced")
        os.killpg(command.process.pid, signal.SIGINT)
        started = time.monotonic()
        code, _, errors = command.end()
        seconds = time.monotonic() - started
    assert code == 130, errors
    assert seconds < 20, "on a busy machine; one that is not takes a second"
    assert "interrupted; what was computed so far is kept" in errors
    assert "Traceback" not in errors
    assert runs.soon(runs.is_gone(event), 1)
    recipe.write_text(recipes.TINY)
    assert product.states()["student/small"] == "fresh"


@pytest.mark.slow
def test_nobody_computes_for_a_command_that_was_killed(recipe: Path) -> None:
    recipe.write_text(recipes.edited(("epochs: 2", "epochs: 10000")))
    with runs.run("multiprocess", "--select", "student/small") as command:
        event = command.event("student/small", "Advanced")
        command.process.kill()
        assert runs.soon(runs.is_gone(event), 20)
    recipe.write_text(recipes.edited(("seed: 0\n      loss", "seed: 1\n      loss")))
    assert product.computed() >= {"student/small", *AFTER_QUANTIZED} - {_DECISION}


def _statuses(asset: str) -> list[str]:
    """Of the newest two MLflow runs of an asset, the older one first."""
    client = connection.client(homes.current())
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`compression.asset` = '{asset}'", max_results=2)
    return [run.info.status for run in reversed(found)]
