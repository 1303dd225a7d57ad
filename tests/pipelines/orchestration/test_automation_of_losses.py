"""A champion that somebody deleted in MLflow is decided anew, once."""

from pathlib import Path

import pytest

from pipelines.lineage import connection
from pipelines.orchestration import conditions
from pipelines.state import home as homes
from tests.pipelines import product
from tests.pipelines.lineage import test_sync
from tests.pipelines.ticks import Ticks

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


@pytest.mark.parametrize("what", ["the alias", pytest.param("the model", marks=pytest.mark.slow)])
def test_a_lost_champion_is_decided_anew_in_one_tick(what: str, ticks: Ticks, recipe: Path) -> None:
    assert ticks.silent(), "it is there"
    client = connection.client(homes.current())
    if what == "the alias":
        client.delete_registered_model_alias("tiny", "champion")
    else:
        client.delete_registered_model("tiny")
    assert product.states()["champion"] == "stale"
    requested, _ = ticks.step()
    assert requested == {"champion"}
    assert ticks.failures == {}
    assert product.states()["champion"] == "fresh"
    assert ticks.silent()
    client.delete_registered_model_alias("tiny", "champion")
    assert ticks.step()[0] == {"champion"}, "another loss"


def test_without_mlflow_the_champion_waits_for_an_edit_or_the_night_and_no_run_fails(
    ticks: Ticks, recipe: Path, home: Path
) -> None:
    test_sync.lose(home)
    product.edit(recipe, "min_compression: 1.0", "min_compression: 1.5")
    assert "champion" in ticks.step()[0]
    assert ticks.failures == {}, "nothing failed"
    assert product.states()["champion"] == "stale"
    assert ticks.silent(), "MLflow is not asked at every tick"
    test_sync.bring_back(home)
    ticks.pass_cron(3)
    assert ticks.step()[0] == {"champion"}
    assert product.states()["champion"] == "fresh"
    assert ticks.silent()


def test_a_decision_that_does_not_bring_it_back_is_no_storm(
    ticks: Ticks, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def lost(home: homes.Home, recipe: str, name: str) -> str:
        looks.append(name)
        return "lost"

    monkeypatch.setattr(conditions.status, "undone", lost)
    assert ticks.step()[0] == {"champion"}
    assert ticks.silent()
    assert looks == ["champion"] * 5, "one look a tick"
