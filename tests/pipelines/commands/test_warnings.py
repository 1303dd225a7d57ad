"""Which sentences a run tells its user although nothing failed."""

from pathlib import Path

import pytest

from pipelines.commands import warnings
from pipelines.commands.run import Outcome
from pipelines.state.history import History
from pipelines.state.materialization import Check, Materialization


def _entry(asset: str, words: tuple[str, ...] = (), checks: tuple[Check, ...] = ()) -> Materialization:
    return Materialization(
        recipe="tiny", asset=asset, time=0.0, derivation="d", parameters={}, code={}, inputs={}, action="a",
        artifact="x", digest="y", experiment_id="0", run_id="r", model_id=None, computed=True, seconds=1.0,
        metrics={}, warnings=words, checks=checks,
    )  # fmt: skip


def _check(name: str, passed: bool, blocking: bool) -> Check:
    return Check(name, passed, blocking, f"{name} in words.", {})


@pytest.fixture
def history(tmp_path: Path) -> History:
    history = History(tmp_path)
    history.append(_entry("dataset", ("3 files were left out.", "1 class has one sample.")))
    history.append(_entry("teacher", checks=(_check("passed", True, False), _check("soft", False, False))))
    history.append(_entry("student/small", ("Costs 87.94 points.",), (_check("floor", False, True),)))
    return history


def test_stages_and_checks_that_stop_nothing_are_told_of_what_was_computed_or_reused(history: History) -> None:
    outcomes = [Outcome("dataset", "reused"), Outcome("teacher", "computed"), Outcome("champion", "computed")]
    told = warnings.of_run("tiny", outcomes, history)
    assert [item.to_json() for item in told] == [
        {"asset": "dataset", "warning": "3 files were left out."},
        {"asset": "dataset", "warning": "1 class has one sample."},
        {"asset": "teacher", "warning": "soft in words.", "check": "soft"},
    ]


def test_what_was_skipped_or_raised_an_error_tells_nothing_of_its_past(history: History) -> None:
    outcomes = [Outcome("dataset", "skipped"), Outcome("student/small", "failed", cause="the disk is full")]
    assert warnings.of_run("tiny", outcomes, history) == ()


def test_what_a_gate_holds_up_tells_what_its_stage_warned_of(history: History) -> None:
    outcome = Outcome("student/small", "failed", cause="floor in words.\n  change the threshold")
    told = warnings.of_run("tiny", [outcome], history)
    assert told == (warnings.AssetWarning("student/small", "Costs 87.94 points."),)
