"""The search by the clock, on given latencies: against every combination, with noise, and cut short."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from compression_ops.quantization.automatic_precision.fastest import Found, Layers, Search

_REPETITIONS = 5
Table = Callable[[Layers], float]


def _chain(rng: np.random.Generator, names: Sequence[str]) -> Table:
    """Of a network of layers in a row: each takes its time on floats or on integers, each change between them some."""
    floats = dict(zip(names, rng.uniform(1, 20, len(names)), strict=True))
    integers = {name: time * rng.uniform(0.3, 1.2) for name, time in floats.items()}
    changing = rng.uniform(0, 3, len(names) + 1)

    def latency(layers: Layers) -> float:
        runs = [False, *(name in layers for name in names), False]
        pairs = zip(changing, itertools.pairwise(runs), strict=True)
        changes = sum(cost for cost, (one, other) in pairs if one != other)
        return changes + sum(integers[name] if name in layers else floats[name] for name in names)

    return latency


def _search(
    names: Sequence[str],
    latency: Table,
    lost: Callable[[Layers], float] = lambda _: 0.0,
    bound: float = 1.0,
    least: float = 0.02,
    limit: int = 500,
    noise: Callable[[], NDArray[np.float64]] = lambda: np.ones(_REPETITIONS),
) -> tuple[Found, list[Layers]]:
    asked: list[Layers] = []

    def measured(models: Sequence[Layers]) -> NDArray[np.float64]:
        asked.extend(model for model in models if model not in asked)
        return np.array([latency(model) * noise() for model in models])

    return Search(names, measured, lost, bound, least, limit).run(), asked


def _every(names: Sequence[str]) -> list[Layers]:
    return [frozenset(some) for count in range(len(names) + 1) for some in itertools.combinations(names, count)]


def test_what_is_found_is_nearly_as_fast_as_the_best_of_all_combinations_and_keeps_the_bound() -> None:
    rng, names, worse = np.random.default_rng(0), ["a", "b", "c", "d", "e", "f"], []
    for _ in range(100):
        latency, losses = _chain(rng, names), dict(zip(names, rng.uniform(0, 0.6, 6), strict=True))

        def lost(layers: Layers, losses: dict[str, float] = losses) -> float:
            return sum(losses[name] for name in layers)

        found, _ = _search(names, latency, lost)
        assert found.complete
        assert lost(found.layers) <= 1.0
        allowed = [model for model in _every(names) if lost(model) <= 1.0]
        best, floats = min(map(latency, allowed)), latency(frozenset())
        worse.append((latency(found.fastest) - best) / floats)
        tie = latency(found.fastest) + 0.02 * floats
        assert latency(found.layers) <= tie + 1e-9, "no slower than a tie"
        fewer = [found.layers - {name} for name in found.layers]
        assert all(latency(model) > tie for model in fewer), "nothing more goes back to float"
    assert np.mean(np.array(worse) < 0.02) > 0.95, "a tie with the fastest of all 64"
    assert max(worse) < 0.12


def test_one_big_layer_and_tiny_ones_are_told_apart_whatever_the_noise() -> None:
    names = ["first", "big", "third", "head"]
    gains = {"first": 0.8, "big": 60.0, "third": -0.5, "head": 0.0}
    rng = np.random.default_rng(1)
    found = {
        _search(
            names,
            lambda layers: 100 - sum(gains[name] for name in layers),
            least=0.05,
            noise=lambda: rng.normal(1, 0.01, _REPETITIONS),
        )[0].layers
        for _ in range(50)
    }
    assert found == {frozenset({"big"})}


@pytest.mark.parametrize(("gain", "expected"), [(4.9, False), (5.1, True)])
def test_a_layer_runs_on_integers_only_where_that_gains_more_than_is_asked(gain: float, expected: bool) -> None:
    found, _ = _search(["a"], lambda layers: 100 - gain * len(layers), least=0.05)
    assert bool(found.layers) is expected


def test_of_two_layers_that_pay_only_together_both_run_on_integers() -> None:
    slow = {frozenset({"a"}): 110.0, frozenset({"b"}): 108.0}
    found, _ = _search(["a", "b"], lambda layers: slow.get(layers, 100.0 - 20 * (len(layers) == 2)))
    assert found.layers == {"a", "b"}


def test_what_loses_too_much_and_what_cannot_be_is_never_taken() -> None:
    def latency(layers: Layers) -> float:
        return float("inf") if layers == {"a", "c"} else 100.0 - 20 * len(layers)

    found, _ = _search(["a", "b", "c"], latency, lambda layers: 2.0 * ("b" in layers))
    assert found.layers in ({"a"}, {"c"})
    assert np.isfinite(found.shares[found.layers])


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_no_more_models_are_measured_than_allowed(limit: int) -> None:
    found, asked = _search(list("abcdef"), lambda layers: 100.0 - 10 * len(layers), limit=limit)
    assert not found.complete
    assert len(asked) - 1 <= limit, "beside the float one"
    assert found.layers == frozenset("abcdef"), "which is the first that is tried"
