"""A failed run is told to the webhook or function that COMPRESSION_NOTIFY names; failing to tell fails nothing."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from compression_ops.errors import CompressionError
from pipelines.orchestration import failure_sensor, notifier
from tests.pipelines import product
from tests.pipelines.receiver import receiving
from tests.pipelines.ticks import Ticks, before_stage

_TOLD: list[notifier.Failure] = []

tell = _TOLD.append  # what COMPRESSION_NOTIFY names in a test below


@pytest.fixture
def ticks(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> Ticks:
    """An instance on which a run failed, since the teacher's stage did."""

    def fail() -> None:
        raise CompressionError("the loss is not finite; lower learning_rate")

    before_stage(monkeypatch, "teacher", fail)
    product.edit(recipe, "seed: 0\n  soft_labels", "seed: 7\n  soft_labels")
    started = Ticks()
    assert set(started.execute({"dataset", "teacher", "soft_labels"})) == {"teacher"}
    return started


def test_the_webhook_receives_which_run_of_which_recipe_failed_and_why(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = ticks.instance.get_runs()
    with receiving() as receiver:
        monkeypatch.setenv("COMPRESSION_NOTIFY", receiver.url)
        assert _sense(ticks.instance) is None
    cause = "the loss is not finite; lower learning_rate"
    assert receiver.received == [
        {
            "recipe": "tiny",
            "run_id": run.run_id,
            "failed": {"tiny__teacher": cause},
            "text": f"Recipe tiny: run {run.run_id[:8]} failed. tiny__teacher: {cause}",
        }
    ]


def test_a_function_of_ones_own_is_called_with_the_failure(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSION_NOTIFY", f"{__name__}:tell")
    assert _sense(ticks.instance) is None
    (failure,) = _TOLD
    assert failure.recipe == "tiny"
    assert failure.failed == {"tiny__teacher": "the loss is not finite; lower learning_rate"}


def test_a_receiver_that_answers_500_fails_no_tick(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status=500) as receiver:
        monkeypatch.setenv("COMPRESSION_NOTIFY", receiver.url)
        skipped = _sense(ticks.instance)
    assert len(receiver.received) == 1
    assert "Nobody could be told" in skipped.skip_message
    assert "500" in skipped.skip_message


def test_a_receiver_that_is_down_fails_no_tick(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        pass
    monkeypatch.setenv("COMPRESSION_NOTIFY", receiver.url)
    assert "Nobody could be told" in _sense(ticks.instance).skip_message


@pytest.mark.parametrize(
    "setting", ["no.such.module:function", "pipelines.orchestration.notifier:nothing", "not a url", ":", "json"]
)
def test_a_setting_that_names_nothing_fails_no_tick_and_is_told_with_what_is_allowed(
    setting: str, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSION_NOTIFY", setting)
    message = _sense(ticks.instance).skip_message
    assert f"COMPRESSION_NOTIFY is {setting!r}" in message
    assert "an http(s) URL, or a function that Python finds as package.module:function" in message


def test_without_a_setting_nobody_is_told_and_the_tick_says_so(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPRESSION_NOTIFY", raising=False)
    assert _sense(ticks.instance).skip_message == "COMPRESSION_NOTIFY is not set, so nobody is told."


def test_the_sensor_runs_by_default() -> None:
    assert failure_sensor.sensor().default_status == dg.DefaultSensorStatus.RUNNING


def _sense(instance: dg.DagsterInstance) -> Any:
    """What the sensor does at the only run's failure."""
    (run,) = instance.get_runs()
    (failed,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failed.dagster_event is not None
    context = dg.build_run_status_sensor_context("run_failure", failed.dagster_event, instance, run)
    return failure_sensor.sensor()(context.for_run_failure())
