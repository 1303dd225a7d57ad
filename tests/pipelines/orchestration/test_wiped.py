"""What somebody wiped in Dagster is told again from the history, and nothing is computed for that."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from pipelines.orchestration import instance
from pipelines.orchestration.keys import key
from pipelines.state import home as homes
from tests.pipelines import product
from tests.pipelines.ticks import EVERYTHING, NOTHING, Ticks

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


def _known() -> dict[str, dict[str, object]]:
    """{asset: its metadata} of what Dagster knows a materialization of."""
    with instance.opened(homes.current()) as opened:
        found = {name: opened.get_latest_materialization_event(key("tiny", name)) for name in EVERYTHING}
    events = {name: event.asset_materialization for name, event in found.items() if event is not None}
    return {
        name: {label: told.value for label, told in event.metadata.items()} for name, event in events.items() if event
    }


@pytest.mark.parametrize("what", ["two assets", pytest.param("the folder", marks=pytest.mark.slow)])
def test_a_run_tells_dagster_again_what_it_forgot(what: str, recipe: Path, home: Path) -> None:
    before = _known()
    assert set(before) == EVERYTHING
    if what == "the folder":
        shutil.rmtree(home / "dagster")
    else:
        with instance.opened(homes.current()) as opened:
            opened.wipe_assets([key("tiny", "teacher"), key("tiny", "champion")])
        assert set(_known()) == EVERYTHING - {"teacher", "champion"}
    report = product.run()
    assert set(report.retold) == (EVERYTHING if what == "the folder" else {"teacher", "champion"})
    assert set(report.named("reused")) == EVERYTHING
    after = _known()
    for label in ("content_digest", "artifact", "mlflow_run_id"):
        assert {name: told[label] for name, told in after.items()} == {n: told[label] for n, told in before.items()}
    assert product.run().retold == ()


def test_the_automation_makes_good_what_was_wiped_in_one_run_that_computes_nothing(ticks: Ticks, recipe: Path) -> None:
    ticks.instance.wipe_assets([key("tiny", "student/small")])
    requested, computed = ticks.step()
    assert "student/small" in requested
    assert computed == NOTHING
    assert ticks.failures == {}
    assert ticks.silent()


def test_a_run_that_is_terminated_before_it_begins_is_not_started_again_without_an_edit(
    ticks: Ticks, recipe: Path
) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    requested = ticks.tick()
    job = ticks.definitions().resolve_implicit_global_asset_job_def()
    selection = frozenset(key("tiny", name) for name in requested)
    run = ticks.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING, asset_selection=selection)
    assert ticks.silent(), "it is about to begin"
    ticks.instance.report_run_canceled(run)
    assert ticks.silent()
    ticks.pass_cron(3)
    assert ticks.silent(), "the night does not undo a stop"
    product.edit(recipe, "temperature: 2.0", "temperature: 3.0")
    assert ticks.tick() == requested
