"""Which training of a trial is given up, and when: a method's after its student's, after a kill, beside known ones."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from compression_ops.progress import Progress
from pipelines.execution import progress
from pipelines.graph.graph import Graph
from pipelines.recipe.searched.section import Search
from pipelines.search.pruning import Pruning
from pipelines.search.study import Study, Trial
from tests.pipelines import product, recipes
from tests.pipelines.state.test_history import ENTRY

_STUDENT, _METHOD = "student/small", "quantized_student/int8"
_LINE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0)}
_LSQ = "method: {type: lsq, epochs: 3, batch_size: 64, learning_rate: 0.001, loss: {type: kd}}"
Curves = Mapping[str, np.ndarray]


def _search(pruner: str = "median", objective: str = f"{_METHOD}.validation_accuracy") -> Search:
    stated = {"fields": {"unused": {"choices": [1]}}, "trials": 40, "sampler": "random", "maximize": objective}
    return Search.model_validate({**stated, "pruner": pruner})


@pytest.fixture
def graph(defs: Path) -> Graph:
    """Of a student of 2 epochs and an `lsq` of 3."""
    recipes.write(defs, text=recipes.edited(("samples: 64}", f"samples: 64}}\n      {_LSQ}")))
    return product.pipeline().graph


class _Killed(BaseException):
    """The process is gone."""


def _tried(
    study: Study, search: Search, graph: Graph, curves: Curves, known: tuple[str, ...] = (), killed: bool = False
) -> Trial | None:
    """Train as `curves` say; if `killed`, the process is gone once the training was given up, and nobody tells."""
    asked = study.next()
    assert asked is not None
    pruning = Pruning(study, asked, search, lambda entry, metric: curves[entry.asset].tolist())
    outcome: dict[str, Any] = {"outcome": "complete", "numbers": {next(iter(search.objectives)): 0.5}, "cause": ""}
    try:
        with pruning.of(graph):
            for asset, curve in curves.items():
                if asset in known:
                    pruning.known(replace(ENTRY, asset=asset))
                    continue
                for done, value in enumerate(curve.tolist(), start=1):
                    step = {"loss": 1.0, "learning_rate": 0.1, "validation_accuracy": value}
                    progress.report(progress.Advanced(asset, Progress("epoch", done, len(curve), step)))
    except progress.Pruned as pruned:
        if killed:
            return None
        outcome = {"outcome": "pruned", "numbers": {}, "cause": str(pruned), "epoch": pruning.epoch}
    told = Trial(asked.number, values=asked.params, computed=(), run_id=None, seconds=0.0, feasible=True, **outcome)
    study.tell(asked, told)
    return told


def test_a_method_is_compared_by_its_own_epochs_whatever_its_student_reached(graph: Graph, tmp_path: Path) -> None:
    search, rng, ended, given_up = _search(), np.random.default_rng(0), [], 0
    study = Study(tmp_path / "study", search, _LINE)
    for number in range(30):
        student, method = np.array([0.99, 0.99]), rng.uniform(0.1, 0.9) * np.array([0.7, 0.9, 1.0])
        medians = np.median(ended, axis=0) if len(ended) >= 5 else np.full(3, -1.0)
        worse = [epoch for epoch in (2, 3) if method[:epoch].max() < medians[epoch - 1]]
        told = _tried(study, search, graph, {_STUDENT: student, _METHOD: method})
        assert told is not None
        assert told.epoch == (2 + worse[0] if worse else None), number
        if worse:
            given_up += 1
            assert told.cause.startswith(f"{_METHOD} was given up after epoch {worse[0]}: validation_accuracy is ")
            assert f"{method[worse[0] - 1]:.4g}, worse" in told.cause
        else:
            ended.append(method)
    assert given_up > 5


def test_successive_halving_compares_with_known_trainings_and_does_not_end_them(graph: Graph, tmp_path: Path) -> None:
    search, rng, given_up = _search("successive_halving"), np.random.default_rng(1), 0
    study = Study(tmp_path / "study", search, _LINE)
    rungs: dict[int, list[float]] = {1: [], 4: []}
    for number in range(36):
        curve = rng.uniform(0, 1, 5)
        known = [(), (_STUDENT,), (_STUDENT, _METHOD)][number % 3]
        epochs_known = {(): 0, (_STUDENT,): 2, (_STUDENT, _METHOD): 5}[known]
        expected = None
        for step, before in rungs.items():
            before.append(curve[step - 1])
            is_best = curve[step - 1] >= sorted(before)[-max(1, len(before) // 4)]
            if not is_best and step > epochs_known:
                expected = step
                break
        told = _tried(study, search, graph, {_STUDENT: curve[:2], _METHOD: curve[2:]}, known)
        assert told is not None
        assert told.epoch == expected, number
        given_up += expected is not None
    assert given_up > 5


@pytest.mark.parametrize(("pruner", "last"), [("median", 4), ("successive_halving", 1)])
def test_a_trial_that_was_killed_is_given_up_after_the_same_epoch(
    graph: Graph, tmp_path: Path, pruner: str, last: int
) -> None:
    search = _search(pruner, f"{_STUDENT}.validation_accuracy")
    study, rising = Study(tmp_path / "study", search, _LINE), np.linspace(0.1, 0.6, 6)
    for better in range(5):
        told = _tried(study, search, graph, {_STUDENT: rising + 0.01 * better})
        assert told is not None
        assert told.epoch is None
    bad = {_STUDENT: np.full(6, 0.38 if pruner == "median" else 0.05)}
    assert _tried(study, search, graph, bad, killed=True) is None
    told = _tried(Study(tmp_path / "study", search, _LINE), search, graph, bad)
    assert told is not None
    assert (told.number, told.epoch) == (5, last)
    assert f"after epoch {last}: " in told.cause
