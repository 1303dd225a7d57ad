"""The automation, tick by tick: what each tick requests, and what the one run that it asks for computes."""

import signal
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from compression_ops.errors import CompressionError
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_QUANTIZED, AFTER_STUDENT, AFTER_TEACHER
from tests.pipelines.images import image, image_folder, of_images
from tests.pipelines.ticks import Ticks, before_stage

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")

EVERYTHING = {"dataset", "control/small", *AFTER_TEACHER}
NOTHING = set[str]()
REPORT = {"benchmark_report"}

# Whatever is observed or tried again is so because a test lets that time of day pass.
_ON = "automation: {mode: on, observe: 0 6 * * *, retry: 0 3 * * *}"
_BY_HAND = ("automation: {mode: off}", _ON)


@pytest.fixture
def ticks(recipe: Path) -> Ticks:
    """Ticks of a recipe that is up to date; what it takes was computed before, so the first run reuses it."""
    product.edit(recipe, *_BY_HAND)
    started = Ticks()
    assert started.step() == (EVERYTHING, NOTHING)
    assert started.silent(2)
    return started


def test_from_empty_one_tick_requests_everything_and_the_next_ones_nothing(defs: Path) -> None:
    recipes.write(defs, text=recipes.edited(_BY_HAND))
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


def test_an_edit_while_a_run_is_in_flight_waits_for_its_end(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[set[str]] = []

    def edit_and_tick() -> None:
        if not during:
            product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
            during.extend((ticks.tick(), ticks.tick()))

    before_stage(monkeypatch, "student/small", edit_and_tick)
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert during == [set(), set()], "nothing is requested beside a run that makes the same"
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    assert ticks.silent()
    assert _temperatures() == [4.0, 4.0, 2.0, 3.0], "once as settled, then each edit once"


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


@pytest.mark.parametrize("cancel", [dg.DagsterInstance.report_run_canceling, dg.DagsterInstance.report_run_canceled])
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


def test_a_gate_that_fails_in_a_run_stops_the_rest_of_it_and_every_later_tick(recipe: Path) -> None:
    product.edit(recipe, *_BY_HAND)
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


def test_an_edit_whose_daemon_lost_its_cursor_is_not_missed(ticks: Ticks, recipe: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    ticks.lose_cursor()
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT)
    ticks.lose_cursor()
    assert ticks.silent(), "a lost cursor alone is no reason to compute"


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


def test_an_edit_before_the_first_tick_is_not_missed(recipe: Path) -> None:
    product.edit(recipe, *_BY_HAND)
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
    product.edit(recipe, *_BY_HAND)
    sensors = ticks.definitions().sensors
    assert [sensor.name for sensor in sensors or ()] == ["tiny_automation"]
    assert ticks.tick() == EVERYTHING


def test_files_that_changed_came_or_went_are_observed_and_start_a_retrain(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    _use(images, defs)
    ticks = Ticks()
    assert ticks.step() == (EVERYTHING, EVERYTHING)
    assert ticks.silent()
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set()), "the observe cron"
    assert ticks.silent(), "what was observed is what the data set was made from"

    new = images / "class1" / "new.png"
    after_dataset = EVERYTHING - {"dataset"} - REPORT
    for change, trained in (
        (lambda: image(images / "class0" / "0.png", 220), True),
        (lambda: image(new, 120), True),
        (new.unlink, False),  # as before it came, so all results are known
    ):
        change()
        assert ticks.silent(2), "not looked at between two ticks of the observe cron"
        ticks.pass_cron(6)
        assert ticks.step() == ({"raw_data"}, set())
        assert ticks.step() == ({"dataset"}, {"dataset"} if trained else set()), "whom it affects is not known before"
        assert ticks.step() == (after_dataset, after_dataset if trained else NOTHING)
        assert ticks.step() == (REPORT, REPORT if trained else NOTHING), "which reads the measurements alone"
        assert ticks.silent(2)
    assert set(product.states().values()) == {"fresh"}

    (images / "class0" / "notes.txt").write_text("no image, so the data set stays the same")
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == ({"dataset"}, {"dataset"})
    assert ticks.silent(2), "the wave stops there"


def test_an_unreadable_file_is_named_and_the_last_good_data_set_stays_in_use(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    _use(images, defs)
    ticks = Ticks()
    ticks.execute(ticks.tick())
    assert ticks.silent()
    good = _latest("dataset")

    damaged = min(images.glob("*/*.png"))
    content = damaged.read_bytes()
    damaged.write_bytes(content[:30])
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == ({"dataset"}, set())
    assert set(ticks.failures) == {"dataset"}
    assert str(damaged) in ticks.failures["dataset"]
    assert _latest("dataset") == good
    assert ticks.silent()

    product.edit(defs / "tiny" / "defs.yaml", "temperature: 4.0", "temperature: 2.0")
    assert ticks.silent(), "nothing is made from data that are known to be outdated"

    damaged.write_bytes(content)
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT), "mended: the last good data set is the right one again"
    assert ticks.silent()


def test_a_file_that_cannot_even_be_listed_fails_the_observation_that_names_it(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    _use(images, defs)
    ticks = Ticks()
    ticks.execute(ticks.tick())
    assert ticks.silent()
    link = images / "class0" / "gone.png"
    link.symlink_to(tmp_path / "nowhere.png")
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert set(ticks.failures) == {"raw_data"}
    assert str(link) in ticks.failures["raw_data"]
    assert ticks.silent()


def _latest(name: str) -> object:
    return product.pipeline().history.latest("tiny", name)


def _temperatures() -> list[float]:
    entries = product.pipeline().history.of_asset("tiny", "student/small")
    return [entry.parameters["loss"]["temperature"] for entry in entries]


def _add(recipe: Path, line: str) -> None:
    product.edit(recipe, f"  {_ON}\n", f"  {_ON}\n  {line}\n")


def _use(images: Path, defs: Path) -> None:
    recipes.write(
        defs, text=of_images(images, (_BY_HAND[0], "automation: {mode: on, observe: 0 6 * * *, retry: 0 0 1 1 *}"))
    )
