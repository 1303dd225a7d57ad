"""The automation after a failure, a stop by a user and a closed gate: one try, and when there is another."""

import signal
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from compression_ops.errors import CompressionError
from tests.pipelines import product
from tests.pipelines.affected import AFTER_QUANTIZED, AFTER_STUDENT, AFTER_TEACHER
from tests.pipelines.ticks import BY_HAND, EVERYTHING, NOTHING, ON, Ticks, before_stage

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


def test_a_failing_stage_is_tried_once_then_after_an_edit_then_each_night_and_never_in_between(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    def fail() -> None:
        attempts.append("student/small")
        raise CompressionError("a fault of this test")

    with monkeypatch.context() as patch:
        before_stage(patch, "student/small", fail)
        product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
        assert ticks.step() == (AFTER_STUDENT, set())
        assert ticks.silent()
        assert len(attempts) == 1

        product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
        assert ticks.step() == (AFTER_STUDENT, set()), "an edit is worth another try"
        assert ticks.silent()
        assert len(attempts) == 2

        ticks.pass_cron(3)
        assert ticks.step() == (AFTER_STUDENT, set()), "so is the night"
        assert ticks.silent()
        assert len(attempts) == 3

    assert ticks.silent(), "that it would succeed now is not known before the next night"
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set()), "a look at unchanged data is no reason to try again"
    ticks.pass_cron(3)
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()


def test_a_stage_that_failed_after_its_input_was_made_in_the_same_run_is_not_tried_again_for_that_input(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CompressionError("a fault of this test")

    before_stage(monkeypatch, "quantized_student/int8", fail)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, {"student/small"})
    assert ticks.silent(), "the student is new, but the attempt that failed was made with it"


@pytest.mark.parametrize(
    "cancel",
    [
        dg.DagsterInstance.report_run_canceling,
        pytest.param(dg.DagsterInstance.report_run_canceled, marks=pytest.mark.slow),
    ],
)
def test_what_somebody_canceled_waits_for_an_edit_through_the_night_too(
    cancel: Callable[..., object], ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        (run,) = ticks.instance.get_runs(limit=1)
        cancel(ticks.instance, run)
        signal.raise_signal(signal.SIGINT)  # as the code server does to the process of a run

    with monkeypatch.context() as patch:
        before_stage(patch, "quantized_student/int8", stop)
        product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
        assert ticks.step() == (AFTER_STUDENT, {"student/small"})
        (run,) = ticks.instance.get_runs(limit=1)
        assert run.status == dg.DagsterRunStatus.CANCELED
    assert ticks.silent()
    ticks.pass_cron(3)
    assert ticks.silent()

    product.edit(recipe, "samples: 64", "samples: 32")
    assert ticks.step() == (AFTER_QUANTIZED, AFTER_QUANTIZED)
    assert ticks.silent()


@pytest.mark.slow
def test_what_somebody_canceled_and_materialized_later_is_computed_after_the_next_edit_of_an_input(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        (run,) = ticks.instance.get_runs(limit=1)
        ticks.instance.report_run_canceling(run)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        before_stage(patch, "student/small", stop)
        product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
        assert ticks.step() == (AFTER_STUDENT, NOTHING)
    assert ticks.silent()
    assert ticks.execute(AFTER_STUDENT) == {}
    assert ticks.silent()
    product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)


def test_an_edit_that_mends_what_just_failed_is_seen_by_the_very_next_tick(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
        raise CompressionError("a fault of this test")

    with monkeypatch.context() as patch:
        before_stage(patch, "student/small", fail)
        product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
        assert ticks.step() == (AFTER_STUDENT, set())
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()


@pytest.mark.slow
def test_a_failed_edit_that_is_reverted_closes_no_gate_to_later_edits(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CompressionError("a fault of this test")

    before_stage(monkeypatch, "teacher", fail)
    product.edit(recipe, "seed: 0\n  soft_labels", "seed: 7\n  soft_labels")
    assert ticks.step() == (AFTER_TEACHER, set())
    product.edit(recipe, "seed: 7\n  soft_labels", "seed: 0\n  soft_labels")
    assert ticks.silent(), "the teacher that was judged good is the right one again"
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)


@pytest.mark.slow
def test_another_asset_is_computed_while_a_failed_one_waits(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CompressionError("a fault of this test")

    before_stage(monkeypatch, "soft_labels", fail)
    product.edit(recipe, "views: 2", "views: 1")
    failed = EVERYTHING - {"dataset", "teacher"}
    assert ticks.step() == (failed, {"control/small"})
    product.edit(recipe, "learning_rate: 0.003\n      seed", "learning_rate: 0.002\n      seed")
    assert ticks.step() == ({"control/small"}, {"control/small"}), "what needs the soft labels waits for them"
    assert ticks.silent()


@pytest.mark.slow
def test_what_a_failed_gate_stands_before_is_requested_by_no_tick_until_it_opens(ticks: Ticks, recipe: Path) -> None:
    _add(recipe, "gates: {min_teacher_accuracy: 0.9999}")
    assert ticks.step() == ({"teacher"}, set()), "a threshold is judged anew, nothing is trained"
    assert ticks.silent()

    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.silent(), "a student of a teacher that did not pass is not trained"
    ticks.pass_cron(3)
    assert ticks.silent(), "not at night either"

    product.edit(recipe, "min_teacher_accuracy: 0.9999", "min_teacher_accuracy: 0.01")
    assert ticks.step() == ({"teacher"}, set())
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()


@pytest.mark.slow
def test_a_gate_that_fails_in_a_run_stops_the_rest_of_it_and_every_later_tick(recipe: Path) -> None:
    product.edit(recipe, *BY_HAND)
    _add(recipe, "gates: {min_teacher_accuracy: 0.9999}")
    ticks = Ticks()
    assert ticks.step() == (EVERYTHING, set())
    assert set(ticks.failures) == {"teacher"}
    assert ticks.materialized() == {"dataset", "teacher", "control/small"}
    assert ticks.silent()
    ticks.pass_cron(3)
    assert ticks.silent()
    ticks.lose_cursor()
    assert ticks.silent()

    product.edit(recipe, "min_teacher_accuracy: 0.9999", "min_teacher_accuracy: 0.01")
    assert ticks.step() == (AFTER_TEACHER, NOTHING), "one run judges the teacher and makes what waited for it"
    assert ticks.silent()


def test_a_lost_cursor_is_worth_one_try_of_what_failed_since_it_may_have_been_edited(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CompressionError("a fault of this test")

    before_stage(monkeypatch, "student/small", fail)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, set())
    ticks.lose_cursor()
    assert ticks.step() == (AFTER_STUDENT, set())
    assert ticks.silent()


def _add(recipe: Path, line: str) -> None:
    product.edit(recipe, f"  {ON}\n", f"  {ON}\n  {line}\n")
