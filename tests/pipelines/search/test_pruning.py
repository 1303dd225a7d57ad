"""Trainings without hope end by themselves: when, by the definition of the median; and nothing is left of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from compression_ops.progress import Progress
from pipelines.execution import progress
from pipelines.execution.materialize import Run
from pipelines.kinds import search as searched
from pipelines.lineage import connection
from pipelines.recipe.searched.section import Search
from pipelines.search import run as searches
from pipelines.search import trial
from pipelines.search.pruning import Pruning
from pipelines.search.study import Study, Trial
from pipelines.state import home as homes
from pipelines.state.history import History
from tests.pipelines import product, recipes
from tests.pipelines.search.searches import write

_ACCURACY = "student/small.validation_accuracy"
_LINE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0)}
_SECTION = """\
  search:
    trials: 2
    maximize: quantized_student/int8.validation_accuracy
    constraints: {quantized_student/int8.file_bytes: {at_most: 1000000}}
    fields: {students.small.learning_rate: {choices: [0.003, 0.000001]}}
"""


def _search(**stated: Any) -> Search:
    return Search.model_validate({"fields": {"unused": {"choices": [1]}}, "trials": 40, **stated})


def _trained(study: Study, search: Search, curve: np.ndarray) -> int | None:
    """Train as `curve` says; the epoch at which it was given up."""
    asked = study.next()
    assert asked is not None
    pruning = Pruning(study, asked, search, lambda entry, metric: [])
    told = Trial(asked.number, "complete", asked.params, {_ACCURACY: curve.max()}, "", (), None, 0.0, True)
    try:
        with pruning.of(product.pipeline().graph):
            for done, value in enumerate(curve, start=1):
                step = {"loss": 1.0, "learning_rate": 0.1, "validation_accuracy": value}
                progress.report(progress.Advanced("student/small", Progress("epoch", done, len(curve), step)))
                progress.report(progress.Advanced("teacher", Progress("epoch", done, len(curve), step)))
                progress.report(progress.Advanced("student/small", Progress("evaluate", 1, 1, {"loss": 1.0})))
    except progress.Pruned as pruned:
        told = Trial(asked.number, "pruned", asked.params, {}, str(pruned), (), None, 0.0, False, pruning.epoch)
    study.tell(asked, told)
    return told.epoch


def test_a_trial_is_given_up_where_its_best_epoch_is_worse_than_the_median_of_those_that_ended(
    defs: Path, tmp_path: Path
) -> None:
    search, rng = _search(maximize=_ACCURACY, sampler="random"), np.random.default_rng(0)
    study, ended, given_up = Study(tmp_path / "study", search, _LINE), [], 0
    for number in range(30):
        curve = rng.uniform(0.2, 1.0) * (1 - np.exp(-np.arange(1, 7) * rng.uniform(0.2, 2.0)))
        medians = np.median(ended, axis=0) if len(ended) >= 5 else np.full(6, -1.0)
        worse = [epoch for epoch in range(2, 7) if curve[:epoch].max() < medians[epoch - 1]]
        expected = worse[0] if worse else None
        assert _trained(study, search, curve) == expected, number
        given_up += expected is not None
        if expected is None:
            ended.append(curve)
    assert given_up > 5
    assert all("worse than the median" in trial.cause for trial in study.trials() if trial.epoch)
    assert [trial.epoch for trial in study.trials()].count(None) == len(ended)


def test_a_trial_whose_graph_has_not_the_number_fails_in_words_before_anything_is_computed(
    defs: Path, tmp_path: Path
) -> None:
    recipes.write(defs)
    pipeline, search = product.pipeline(), _search(maximize="student/small.validation_f1_macro")
    study = Study(tmp_path / "study", search, _LINE)
    asked = study.next()
    assert asked is not None
    pruning = Pruning(study, asked, search, lambda entry, metric: [])
    tried = trial.run(pipeline, search, {"metric": "accuracy"}, pipeline.history, print, Run(""), pruning)
    assert (tried.outcome, tried.entries) == ("failed", [])
    assert tried.cause == "with this setting there is no student/small.validation_f1_macro"
    with pruning.of(pipeline.graph):  # and an epoch without it judges nothing
        step = {"loss": 1.0, "learning_rate": 0.1, "validation_accuracy": 0.5}
        progress.report(progress.Advanced("student/small", Progress("epoch", 1, 2, step)))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"maximize": _ACCURACY}, {"student/small": 0}),
        ({"minimize": "control/small.validation_loss"}, {"control/small": 0}),
        ({"maximize": "quantized_student/int8.validation_accuracy"}, {"student/small": 0}),
        ({"maximize": _ACCURACY, "pruner": "none"}, None),
        ({"minimize": _ACCURACY}, None),
        ({"minimize": "student/small.parameters"}, None),
        ({"minimize": "quantized_student/int8.accuracy_drop_points"}, None),
        ({"maximize": _ACCURACY, "minimize": "quantized_student/int8.file_bytes"}, None),
    ],
)
def test_watched_are_the_trainings_behind_a_single_number_of_epochs(
    defs: Path, stated: dict[str, Any], expected: dict[str, int] | None
) -> None:
    found = searched.watched(_search(**stated), product.pipeline().graph)
    assert (None if found is None else found.before) == expected


def test_the_epochs_of_a_method_that_learns_come_after_those_of_its_student(defs: Path) -> None:
    method = "method: {type: lsq, epochs: 3, batch_size: 64, learning_rate: 0.001, loss: {type: kd}}"
    recipes.write(defs, text=recipes.edited(("samples: 64}", f"samples: 64}}\n      {method}")))
    found = searched.watched(_search(maximize="quantized_student/int8.validation_accuracy"), product.pipeline().graph)
    assert found is not None
    assert found.before == {"student/small": 0, "quantized_student/int8": 2}


@pytest.mark.slow
def test_of_a_training_that_was_given_up_nothing_is_left_and_mlflow_says_when(recipe: Path, home: Path) -> None:
    write(recipe.parent.parent, _SECTION)
    product.edit(recipe, "epochs: 2", "epochs: 5")
    pipeline = product.pipeline()
    before = set(pipeline.store.ids())
    result = searches.run(pipeline, lambda _: None)
    good, bad = result.trials
    assert (good.outcome, bad.outcome, bad.epoch, bad.numbers) == ("complete", "pruned", 2, {})
    assert bad.cause.startswith("student/small was given up after epoch 2: validation_accuracy is 0.")
    assert result.best == [0]
    assert bad.computed == ()
    assert list((home / "running").glob("*/*")) == []
    entries = list(History(homes.current().trials.within(f"tiny/{result.folder.name}/history")).all())
    assert {entry.artifact for entry in entries} >= set(pipeline.store.ids()) - before
    assert len([entry for entry in entries if entry.asset == "student/small"]) == 1

    client = connection.client(homes.current())
    assert good.run_id is not None
    assert bad.run_id is not None
    of_trial, experiment = client.get_run(bad.run_id), client.get_experiment_by_name("tiny")
    assert experiment is not None
    assert (of_trial.info.status, of_trial.data.metrics) == ("KILLED", {"pruned_epoch": 2.0})
    (training,) = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{bad.run_id}'")
    assert (training.info.status, training.data.tags["error"]) == ("KILLED", bad.cause)
    assert len(client.get_metric_history(training.info.run_id, "epoch/validation_accuracy")) == 2

    # In another search the first trial is known, and compared with by what MLflow knows of its epochs.
    product.edit(recipe, "trials: 2", "trials: 2\n    seed: 1")
    again = searches.run(product.pipeline(), lambda _: None)
    assert [(trial.outcome, trial.epoch, trial.computed) for trial in again.trials] == [
        ("complete", None, ()),
        ("pruned", 2, ()),
    ]


@pytest.mark.slow
def test_what_a_trial_computed_before_it_was_stopped_is_shown_below_it(recipe: Path) -> None:
    write(recipe.parent.parent, _SECTION)
    product.edit(recipe, "trials: 2", "trials: 2\n    pruner: none")

    def stop(event: progress.Event) -> None:
        if isinstance(event, progress.Ended) and event.asset == "student/small" and event.outcome == "computed":
            raise KeyboardInterrupt

    with progress.subscribed(stop), pytest.raises(KeyboardInterrupt):
        searches.run(product.pipeline(), lambda _: None)
    client = connection.client(homes.current())
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None

    def below(run_id: str) -> dict[str, str]:
        runs = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
        return {run.data.tags.get("compression.asset") or str(run.info.run_name): run.info.status for run in runs}

    (search,) = client.search_runs([experiment.experiment_id], "attributes.run_name = 'search'")
    assert below(search.info.run_id) == {"trial 0": "FINISHED", "trial 1": "KILLED"}
    result = searches.run(product.pipeline(), lambda _: None)
    stopped = result.trials[1]
    assert stopped.run_id is not None
    assert stopped.computed == ("quantized_student/int8",)
    assert below(stopped.run_id) == {"student/small": "FINISHED", "quantized_student/int8": "FINISHED"}
    assert below(search.info.run_id) == {"trial 0": "FINISHED", "trial 1": "FINISHED"}
