"""A study on disk: what it tries, what it takes for best, and that a stop changes neither."""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from pipelines.recipe import file
from pipelines.recipe.searched.section import Search
from pipelines.search import space as spaces
from pipelines.search.study import Study, Trial, broken, mend
from pipelines.state.journal.files import Files
from tests.pipelines import recipes

_GRID: dict[str, BaseDistribution] = {
    "a": CategoricalDistribution([1, 2, 3, 4]),
    "b": IntDistribution(0, 10, step=5),
}
_LINE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(1e-3, 1.0, log=True)}
Numbers = Mapping[str, float]


def _search(**stated: Any) -> Search:
    return Search.model_validate({"fields": {"unused": {"choices": [1]}}, **stated})


def _finish(study: Study, compute: Callable[[Mapping[str, Any]], Numbers], search: Search) -> bool:
    """Try one more setting; False if none is left."""
    asked = study.next()
    if asked is None:
        return False
    numbers = compute(asked.params)
    cause = "; ".join(broken(search, numbers))
    study.tell(asked, Trial(asked.number, "complete", asked.params, numbers, cause, (), None, 0.0, not cause))
    return True


def _settings(study: Study) -> list[tuple[Any, ...]]:
    return [tuple(trial.values.values()) for trial in study.trials()]


def test_a_grid_is_tried_once_each_and_its_optimum_is_found(tmp_path: Path) -> None:
    search = _search(trials=100, minimize="it")
    study = Study(tmp_path, search, _GRID)
    while _finish(study, lambda at: {"it": (at["a"] - 3) ** 2 + (at["b"] - 5) ** 2}, search):
        pass
    assert study.total == 12
    assert sorted(_settings(study)) == sorted(itertools.product([1, 2, 3, 4], [0, 5, 10]))
    (best,) = study.best()
    assert study.trials()[best].values == {"a": 3, "b": 5}


def test_the_pareto_front_is_that_of_all_pairs_compared(tmp_path: Path) -> None:
    """Against the definition: kept are those that no other feasible one beats."""

    def compute(at: Mapping[str, Any]) -> Numbers:
        return {"good": at["a"] * 10 - at["b"], "cost": at["a"] ** 2 + at["b"] * (at["a"] == 2), "limit": at["b"]}

    search = _search(trials=12, maximize="good", minimize="cost", constraints={"limit": {"at_least": 5}})
    study = Study(tmp_path, search, _GRID)
    while _finish(study, compute, search):
        pass
    feasible = {trial.number: trial.numbers for trial in study.trials() if trial.values["b"] >= 5}
    assert {trial.number for trial in study.trials() if trial.feasible} == set(feasible)

    def beats(one: Numbers, other: Numbers) -> bool:
        at_least = one["good"] >= other["good"] and one["cost"] <= other["cost"]
        return at_least and (one["good"] > other["good"] or one["cost"] < other["cost"])

    front = {n for n, own in feasible.items() if not any(beats(other, own) for other in feasible.values())}
    assert set(study.best()) == front
    assert 1 < len(front) < len(feasible)


@pytest.mark.parametrize("sampler", ["tpe", "nsgaii", "random"])
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(sampler: str, tmp_path: Path) -> None:
    search = _search(trials=14, minimize="it", sampler=sampler, seed=3, constraints={"x": {"at_most": 0.8}})

    def compute(at: Mapping[str, Any]) -> Numbers:
        return {"it": (at["x"] - 0.3) ** 2 + at["y"], "x": at["x"]}

    whole = Study(tmp_path / "whole", search, _LINE)
    while _finish(whole, compute, search):
        pass
    stopped = tmp_path / "stopped"
    Study(stopped, search, _LINE).next()  # a trial is begun, and its process ends
    while _finish(Study(stopped, search, _LINE), compute, search):
        pass
    assert _settings(Study(stopped, search, _LINE)) == _settings(whole)
    assert len(whole.trials()) == 14
    assert len(set(_settings(whole))) > 10, "the draws of a trial are its own"


def test_tpe_comes_nearer_to_an_optimum_than_its_random_beginning(tmp_path: Path) -> None:
    search = _search(trials=60, minimize="it", seed=1)
    study = Study(tmp_path, search, _LINE)
    while _finish(study, lambda at: {"it": (at["x"] - 0.3) ** 2 + (at["y"] - 0.05) ** 2}, search):
        pass
    found = [trial.numbers["it"] for trial in study.trials()]
    assert min(found) < 0.1 * min(found[:10])
    assert study.best() == [found.index(min(found))]


def test_more_trials_go_on_with_the_same_study(tmp_path: Path) -> None:
    for trials in (3, 5):
        search = _search(trials=trials, minimize="it")
        study = Study(tmp_path, search, _LINE)
        while _finish(study, lambda at: {"it": at["x"]}, search):
            pass
        assert len(study.trials()) == trials


def test_it_begins_with_what_the_recipe_says_where_that_may_be_chosen(tmp_path: Path) -> None:
    search = _search(trials=3, minimize="it")
    for name, present, expected in (("in", {"x": 0.25, "y": 0.5}, True), ("out", {"x": 2.0, "y": 0.5}, False)):
        study = Study(tmp_path / name, search, _LINE)
        study.begin_with(present)
        asked = study.next()
        assert asked is not None
        assert (asked.params == present) is expected


def test_a_field_of_any_type_is_searched_in_whole_numbers_where_nothing_says_a_fraction(defs: Path) -> None:
    fields = {
        "balance: {low: 0, high: 1}": FloatDistribution(0.0, 1.0),  # the recipe says 0.5
        "depth: {low: 2, high: 4}": IntDistribution(2, 4),
        "depth: {low: 2, high: 4.5}": FloatDistribution(2.0, 4.5),
        "depth: {low: 2, high: 3, step: 0.5}": FloatDistribution(2.0, 3.0, step=0.5),
    }
    tree = "architecture: soft_decision_tree\n      arguments: {depth: 3, balance: 0.5}"
    text = recipes.edited(("architecture: tiny_cnn", tree))
    for domain, expected in fields.items():
        field = f"students.small.arguments.{domain}"
        asked = f"  search: {{maximize: student/small.validation_accuracy, fields: {{{field}}}}}\n"
        read = file.read(recipes.write(defs, text=text + asked))
        assert read.recipe.search is not None
        assert list(spaces.distributions(read, read.recipe.search).values()) == [expected]
        is_said = isinstance(expected, FloatDistribution)
        assert bool(spaces.fractional(read, read.recipe.search)) is is_said, "which makes it another search"


def test_a_journal_cut_by_a_kill_is_mended(tmp_path: Path) -> None:
    search = _search(trials=3, minimize="it")
    assert _finish(Study(tmp_path, search, _LINE), lambda at: {"it": at["x"]}, search)
    with (tmp_path / "study.journal").open("ab") as stream:
        stream.write(b'{"op_code": 4, "worker')
    mend(tmp_path)
    study = Study(tmp_path, search, _LINE)
    assert _finish(study, lambda at: {"it": at["x"]}, search)
    assert len(Study(tmp_path, search, _LINE).trials()) == 2


def test_a_setting_may_be_chosen_if_it_is_of_its_type_and_on_its_step() -> None:
    space: dict[str, BaseDistribution] = {"n": IntDistribution(2, 8, step=2), "c": CategoricalDistribution([True, 4])}
    assert spaces.contains(space, {"n": 4, "c": True})
    for wrong in ({"n": 5, "c": 4}, {"n": 10, "c": 4}, {"n": 4, "c": 1}, {"n": None, "c": 4}, {"n": True, "c": 4}):
        assert not spaces.contains(space, wrong)
    assert spaces.size(space) == 8
    assert spaces.size(_LINE) == float("inf")


def test_machines_that_share_a_journal_go_on_with_one_study_and_with_what_one_of_them_began(tmp_path: Path) -> None:
    search, shared = _search(trials=14, minimize="it", seed=3), Files(tmp_path / "database")
    machines = [tmp_path / "one", tmp_path / "other"]

    def compute(at: Mapping[str, Any]) -> Numbers:
        return {"it": (at["x"] - 0.3) ** 2 + at["y"]}

    whole = Study(tmp_path / "whole", search, _LINE)
    while _finish(whole, compute, search):
        pass
    for _ in range(3):
        _finish(Study(machines[0], search, _LINE), compute, search)  # before they shared anything
    for machine in itertools.cycle(machines):
        if not _finish(Study(machine, search, _LINE, shared), compute, search):
            break
    assert _settings(Study(machines[1], search, _LINE, shared)) == _settings(whole)


def test_a_study_of_this_machine_is_taken_over_in_one_line_and_only_by_who_goes_on_with_it(tmp_path: Path) -> None:
    """Whoever looks meanwhile, be the file's last line cut, finds what was tried, and writes nothing."""
    search, shared, folder = _search(trials=4, minimize="it"), Files(tmp_path / "database"), tmp_path / "one"
    for _ in range(2):
        _finish(Study(folder, search, _LINE), lambda at: {"it": at["x"]}, search)
    tried, file = _settings(Study(folder, search, _LINE)), folder / "study.journal"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])
    for journal in (None, shared):
        assert _settings(Study(folder, search, _LINE, journal, is_looked_at=True)) == tried
    assert _settings(Study(tmp_path / "other", search, _LINE, shared, is_looked_at=True)) == []
    assert file.read_bytes() == whole + whole[:20]
    assert [*shared.lines("study.lines")] == []
    mend(folder)
    assert _settings(Study(folder, search, _LINE, shared)) == tried
    first = next(shared.lines("study.lines"))
    assert json.loads(first) == [json.loads(line) for line in whole.splitlines()], "there whole, or not at all"
    assert _settings(Study(tmp_path / "other", search, _LINE, shared, is_looked_at=True)) == tried
