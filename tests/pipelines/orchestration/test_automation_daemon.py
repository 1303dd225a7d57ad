"""A real `dagster dev`: its daemon computes by itself what is out of date, with a new code-location process an edit."""

from pathlib import Path

import pytest

from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_STUDENT, AFTER_TEACHER
from tests.pipelines.dagster_server import Server, served
from tests.pipelines.receiver import receiving

pytestmark = pytest.mark.slow(seconds=150)

EVERYTHING = {"dataset", "control/small", *AFTER_TEACHER}

# Observed and tried again at New Year, so not during the test.
_ON = "automation: {mode: on, observe: 0 0 1 1 *, retry: 0 0 1 1 *, interval_seconds: 5}"
_SENSOR = "tiny_automation"


def test_the_daemon_computes_everything_then_an_edit_then_tries_once_what_fails_and_tells_it(defs: Path) -> None:
    recipe = recipes.write(defs, text=recipes.edited(("automation: {mode: off}", _ON)))
    expected: list[tuple[str, set[str]]] = []
    with receiving() as receiver, served(COMPRESSION_NOTIFY=receiver.url) as server:
        expected.append(("SUCCESS", EVERYTHING))
        _await(server, expected)
        assert _computed() == dict.fromkeys(EVERYTHING, 1)

        product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
        server.reload()
        expected.append(("SUCCESS", AFTER_STUDENT))
        _await(server, expected)
        assert _computed() == {name: 2 if name in AFTER_STUDENT else 1 for name in EVERYTHING}
        assert server.unsynced() == set()

        product.edit(recipe, "epochs: 1 ", "epochs: 9 ")
        product.edit(recipe, "learning_rate: 0.003\n    weight", "learning_rate: 99.0\n    optimizer: sgd\n    weight")
        server.reload()
        expected.append(("FAILURE", AFTER_TEACHER))
        _await(server, expected)
        before = len(server.ticks(_SENSOR))
        server.wait(lambda: len(server.ticks(_SENSOR)) >= before + 2, "two more looks at what failed")
        server.wait(lambda: bool(receiver.received), "the failure to be told")

        assert server.finished_runs() == expected, "nothing else ran, and what failed was tried once"
        assert server.runs() == len(expected)
        assert {tags["compression/recipe"] for tags in server.run_tags()} == {"tiny"}
        assert {tags["dagster/priority"] for tags in server.run_tags()} == {"-1"}, "runs that a person starts go first"
        assert {tick["status"] for tick in server.ticks(_SENSOR)} == {"SUCCESS", "SKIPPED"}

        product.edit(recipe, "learning_rate: 99.0\n    optimizer: sgd\n", "learning_rate: 0.003\n")
        server.reload()
        expected.append(("SUCCESS", AFTER_TEACHER))
        _await(server, expected)  # and again after an edit
    (told,) = receiver.received
    assert told["recipe"] == "tiny"
    assert list(told["failed"]) == ["tiny__teacher"]
    assert "learning_rate" in told["failed"]["tiny__teacher"]


def test_the_daemon_answers_each_edit_of_a_finished_recipe_once_in_one_run(recipe: Path) -> None:
    product.edit(recipe, "automation: {mode: off}", _ON)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    expected = [("SUCCESS", EVERYTHING)]  # by the command line
    with served() as server:
        _expect(server, expected, AFTER_STUDENT)  # an edit before the first tick
        assert _computed()["student/small"] == 2

        before = _computed()
        product.edit(recipe, "temperature: 2.0", "temperature: 4.0")
        server.reload()
        _expect(server, expected, AFTER_STUDENT)  # a revert
        assert {name for name in EVERYTHING if _computed()[name] > before[name]} <= {"champion"}

        product.edit(recipe, "temperature: 4.0", "temperature: 3.0")
        product.edit(recipe, "samples: 64", "samples: 32")
        server.reload()
        _expect(server, expected, AFTER_STUDENT)  # two edits at once

        before = _computed()
        product.edit(recipe, "epochs: 1  #", "momentum: 0.5\n    epochs: 1  #")  # adamw does not use it
        server.reload()
        _expect(server, expected, AFTER_TEACHER)  # an identical retrain
        assert {name for name in EVERYTHING if _computed()[name] > before[name]} == {"teacher"}

        product.edit(recipe, "seed: 0\n  soft_labels", "seed: 7\n  soft_labels")
        server.reload()
        server.wait(server.is_computing, "the run to begin")
        product.edit(recipe, "temperature: 3.0", "temperature: 5.0")
        server.reload()
        _expect(server, expected, AFTER_TEACHER)  # and an edit while it was in flight
        _expect(server, expected, AFTER_STUDENT)
        assert server.unsynced() == set()

        server.lose_cursor(_SENSOR)
        _nothing_more(server, expected)  # a lost cursor

        product.edit(recipe, _ON, f"{_ON}\n  gates: {{min_teacher_accuracy: 0.9999}}")
        server.reload()
        expected.append(("FAILURE", {"teacher"}))
        _await(server, expected)  # a failed blocking check
        product.edit(recipe, "temperature: 5.0", "temperature: 6.0")
        server.reload()
        _nothing_more(server, expected)  # downstream waits


def _expect(server: Server, expected: list[tuple[str, set[str]]], selected: set[str]) -> None:
    expected.append(("SUCCESS", selected))
    _await(server, expected)


def _nothing_more(server: Server, expected: list[tuple[str, set[str]]]) -> None:
    before = len(server.ticks(_SENSOR))
    server.wait(lambda: len(server.ticks(_SENSOR)) >= before + 2, "two more looks")
    assert {tick["status"] for tick in server.ticks(_SENSOR)} <= {"SUCCESS", "SKIPPED"}
    assert server.finished_runs() == expected
    assert server.runs() == len(expected)


def _await(server: Server, expected: list[tuple[str, set[str]]]) -> None:
    server.wait(lambda: len(server.finished_runs()) >= len(expected), f"run {len(expected)} to end")
    assert server.finished_runs() == expected


def _computed() -> dict[str, int]:
    """How often each asset was computed."""
    pipeline = product.pipeline()
    entries = {name: pipeline.history.of_asset("tiny", name) for name in pipeline.graph.assets}
    return {name: sum(entry.computed for entry in found) for name, found in entries.items()}
