"""A recipe's search: what it computes, what it leaves alone, and that its best setting is there afterwards."""

import json
import shlex
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.commands import search as searches
from pipelines.commands import sync_lineage
from pipelines.execution.recording import outage
from pipelines.lineage import connection
from pipelines.recipe import edit, file
from pipelines.recipe.error import RecipeError
from pipelines.retention.referring import Referring
from pipelines.search.result import Result
from pipelines.state import home as homes
from tests.pipelines import product
from tests.pipelines.search.searches import QUANTIZATION, write

_RATE = "students.small.learning_rate"


def _search() -> Result:
    return searches.run(product.pipeline())


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.jsonl")}


def _take(result: Result) -> None:
    """What the command that the search prints does."""
    chosen = result.chosen
    assert chosen is not None
    words = shlex.split(result.command(chosen))
    assert words[:3] == ["compression", "run", "tiny"]
    assert words[3::2] == ["--set"] * len(chosen.values)
    edit.set_values(file.find("tiny"), dict(map(edit.parse_assignment, words[4::2])))


def test_a_search_over_quantization_trains_nothing_and_its_best_is_there_already(recipe: Path, home: Path) -> None:
    before = _files(home / "history")
    write(recipe.parent.parent)
    assert set(product.states().values()) == {"fresh"}, "the section marks nothing as out of date"
    result = _search()
    computed = [asset for trial in result.trials for asset in trial.computed]
    assert set(computed) == {"quantized_student/int8"}
    assert len(computed) == 3, "of four settings one is the recipe's own, which was computed before"
    assert result.trials[0].computed == ()
    assert _files(home / "history") == before, "neither the recipe's results nor its champion are touched"
    assert {tuple(trial.values.values()) for trial in result.trials} == {(4, 32), (4, 64), (8, 32), (8, 64)}

    assert not any(trial.computed for trial in _search().trials[4:])
    assert len(_search().trials) == 4, "there is nothing left to try"
    _take(result)
    assert result.chosen is not None
    entry_before = result.chosen.numbers["quantized_student/int8.file_bytes"]
    assert product.computed() <= {"measurements", "benchmark_report", "champion"}
    assert product.entry("quantized_student/int8").metrics["file_bytes"] == entry_before
    assert len(_search().trials) == 4, "the recipe that took the best is still that search's"


def test_the_best_by_one_number_is_that_of_the_largest(recipe: Path) -> None:
    section = "\n".join(line for line in QUANTIZATION.splitlines() if "minimize" not in line) + "\n"
    write(recipe.parent.parent, section)
    result = _search()
    numbers = [trial.numbers["quantized_student/int8.validation_accuracy"] for trial in result.trials]
    assert list(result.best) == [numbers.index(max(numbers))]


@pytest.mark.slow
def test_a_trial_that_breaks_a_constraint_stops_before_what_comes_after(recipe: Path) -> None:
    write(
        recipe.parent.parent,
        f"""\
  search:
    trials: 2
    minimize: quantized_student/int8.file_bytes
    constraints: {{student/small.validation_loss: {{at_most: 0.001}}}}
    fields: {{{_RATE}: {{choices: [0.003, 0.004]}}}}
""",
    )
    result = _search()
    assert [trial.outcome for trial in result.trials] == ["pruned", "pruned"]
    assert [trial.computed for trial in result.trials] == [(), ("student/small",)]
    assert all("student/small.validation_loss is" in trial.cause for trial in result.trials)
    assert result.chosen is None


def test_a_setting_that_cannot_be_computed_fails_and_the_search_goes_on(recipe: Path) -> None:
    write(
        recipe.parent.parent,
        f"""\
  search:
    trials: 2
    minimize: student/small.validation_loss
    fields: {{{_RATE}: {{choices: [0.003, 100]}}, students.small.optimizer: {{choices: [sgd]}}}}
""",
    )
    product.edit(recipe, "[0.003, 100]", "[0.003, 99.5]")
    result = _search()
    outcomes = {trial.values[_RATE]: trial.outcome for trial in result.trials}
    assert outcomes[0.003] == "complete"
    if outcomes[99.5] == "failed":
        assert "loss" in next(trial.cause for trial in result.trials if trial.outcome == "failed")
    assert result.chosen is not None


@pytest.mark.slow
def test_the_search_is_a_run_of_mlflow_and_its_trials_are_runs_in_it(recipe: Path) -> None:
    write(recipe.parent.parent)
    result = _search()
    client = connection.client(homes.current())
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    (parent,) = [run for run in runs.values() if run.info.run_name == "search"]
    assert parent.info.status == "FINISHED"
    assert {each.path for each in client.list_artifacts(parent.info.run_id)} == {"search.html", "trials.json"}
    for trial in result.trials:
        assert trial.run_id is not None
        run = runs[trial.run_id]
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.params == {name: str(value) for name, value in trial.values.items()}
        assert run.data.metrics == trial.numbers
        made = [each for each in runs.values() if each.data.tags.get("mlflow.parentRunId") == trial.run_id]
        assert {each.data.tags["compression.asset"] for each in made} == set(trial.computed)
        digests = {each.data.tags["dagster.data_version"] for each in made}
        assert digests <= {value for key, value in run.data.tags.items() if key.startswith("mlflow.compression.result")}
    kept = json.loads((result.folder / "trials.json").read_text())
    assert [trial["number"] for trial in kept["trials"]] == [0, 1, 2, 3]
    page = (result.folder / "search.html").read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ), "it needs nothing but itself"


def test_what_trials_computed_without_mlflow_is_shown_below_them_once_it_is_told(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(recipe.parent.parent)
    with monkeypatch.context() as patch:  # an outage that is over as each trial ends
        remembered = {homes.current().tracking_uri: (time.monotonic() + 3600, "MLflow is away")}
        patch.setattr(outage, "_noticed", remembered)
        result = _search()
    told = sync_lineage.sync("tiny").told
    client = connection.client(homes.current())
    parents = [client.get_run(each.run_id).data.tags["mlflow.parentRunId"] for each in told]
    assert parents == [trial.run_id for trial in result.trials for _ in trial.computed]
    assert len(parents) == 3


@pytest.mark.slow
def test_another_parameter_makes_it_another_search(recipe: Path) -> None:
    write(recipe.parent.parent)
    first = searches.searches.found(product.pipeline()).folder
    product.edit(recipe, "trials: 4", "trials: 7")
    assert searches.searches.found(product.pipeline()).folder == first
    product.edit(recipe, "temperature: 4.0", "temperature: 3.0")
    assert searches.searches.found(product.pipeline()).folder != first


def test_a_recipe_without_a_search_is_told_how_to_state_one(defs: Path) -> None:
    with pytest.raises(RecipeError, match=r"tiny/defs.yaml:1: search: missing"):
        _search()


@pytest.mark.slow
def test_two_processes_do_not_search_at_a_time(recipe: Path) -> None:
    from filelock import FileLock

    write(recipe.parent.parent)
    folder = searches.searches.found(product.pipeline()).folder
    with FileLock(folder / "searching.lock"), pytest.raises(CompressionError, match="another process searches"):
        _search()


def test_what_trials_made_is_no_garbage_while_it_is_young(recipe: Path, home: Path, monkeypatch) -> None:
    from pipelines.retention import artifacts

    monkeypatch.setattr(artifacts, "_GRACE", -1.0)
    write(recipe.parent.parent)
    _search()
    stores, month = artifacts.Stores.of(product.pipeline().home), time.time() - 30 * 86_400
    without = artifacts.find(replace(stores, referring=lambda: [Referring(homes.current().history)]), month).artifacts
    assert len(without) == 3, "what the trials computed"
    assert artifacts.find(stores, month).artifacts == ()
    assert artifacts.find(stores, time.time()).artifacts == without
