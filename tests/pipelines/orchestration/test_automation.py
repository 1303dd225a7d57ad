"""The automation, tick by tick: what each tick requests, and what the one run that it asks for computes."""

from pathlib import Path

import pytest

from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_QUANTIZED, AFTER_STUDENT, AFTER_TEACHER
from tests.pipelines.ticks import BY_HAND, EVERYTHING, NOTHING, Ticks, before_stage

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


def test_from_empty_one_tick_requests_everything_and_the_next_ones_nothing(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited(BY_HAND))
    ticks = Ticks()
    found = ticks.step()
    assert ticks.failures == {}
    assert found == (EVERYTHING, EVERYTHING)
    assert ticks.silent()
    assert set(product.states().values()) == {"fresh"}, "what a tick computed is fresh on the command line"


def test_an_edit_requests_and_computes_exactly_what_it_affects(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()
    assert set(product.states().values()) == {"fresh"}


@pytest.mark.slow
def test_two_edits_at_once_are_computed_in_one_run(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "samples: 64", "samples: 32")
    product.edit(
        recipe,
        "  benchmark:",
        "    entropy:\n      student: small\n      calibration: {method: entropy, samples: 32}\n  benchmark:",
    )
    affected = {"quantized_student/entropy", *AFTER_QUANTIZED}
    assert ticks.step() == (affected, affected)
    assert ticks.silent()


@pytest.mark.slow
def test_a_reverted_edit_is_requested_and_nothing_is_trained_again(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    product.edit(recipe, "temperature: 2.0", "temperature: 4.0")
    assert ticks.step() == (AFTER_STUDENT, NOTHING)
    assert ticks.silent()


def test_an_edit_that_is_reverted_before_the_next_tick_requests_nothing(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    product.edit(recipe, "temperature: 2.0", "temperature: 4.0")
    assert ticks.silent()


def test_a_teacher_that_retrains_to_the_same_weights_stops_the_wave(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "epochs: 1  #", "momentum: 0.5\n    epochs: 1  #")  # adamw does not use it
    assert ticks.step() == (AFTER_TEACHER, {"teacher"})
    assert ticks.silent()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["student/small", "measurements"])
def test_an_edit_while_a_run_is_in_flight_waits_for_its_end(
    stage: str, ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what the run is about to make, and of what it has made already and reads on."""
    during: list[set[str]] = []

    def edit_and_tick() -> None:
        if not during:
            product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
            during.extend((ticks.tick(), ticks.tick()))

    before_stage(monkeypatch, stage, edit_and_tick)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert during == [set(), set()], "nothing is requested beside a run that makes the same"
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()
    assert _temperatures() == [4.0, 4.0, 2.0, 3.0], "once as settled, then each edit once"


@pytest.mark.slow
def test_an_edit_whose_daemon_lost_its_cursor_is_not_missed(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    ticks.lose_cursor()
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    ticks.lose_cursor()
    assert ticks.silent(), "a lost cursor alone is no reason to compute"


def test_an_edit_before_the_first_tick_is_not_missed(recipe: Path) -> None:
    product.edit(recipe, *BY_HAND)
    ticks = Ticks()
    ticks.execute(EVERYTHING)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()


def test_with_the_mode_off_there_is_no_sensor_and_nothing_is_requested(recipe: Path) -> None:
    ticks = Ticks()
    found = ticks.definitions()
    assert list(found.sensors or ()) == []
    nodes = found.resolve_asset_graph().asset_nodes
    assert {node.automation_condition for node in nodes} == {None}
    assert ticks.silent()
    product.edit(recipe, *BY_HAND)
    sensors = ticks.definitions().sensors
    assert [sensor.name for sensor in sensors or ()] == ["tiny_automation"]
    assert ticks.tick() == EVERYTHING


def _temperatures() -> list[float]:
    entries = product.pipeline().history.of_asset("tiny", "student/small")
    return [entry.parameters["loss"]["temperature"] for entry in entries]
