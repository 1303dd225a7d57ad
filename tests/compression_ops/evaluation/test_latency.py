"""Latency is measured as told: in turn, warmed up, without the garbage collector, with NumPy's percentiles."""

import gc
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compression_ops.evaluation import latency

INPUTS = np.arange(5 * 1 * 2 * 2, dtype=np.float32).reshape(5, 1, 2, 2)


class Session:
    """Stands in for an onnxruntime session and tells the list `calls` what it was asked."""

    def __init__(
        self, name: str, calls: list[tuple[str, np.ndarray]], work: Callable[[], object] = lambda: None
    ) -> None:
        self.name, self.calls, self.work = name, calls, work

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="input")]

    def run(self, outputs: object, feed: dict[str, np.ndarray]) -> None:
        self.calls.append((self.name, feed["input"]))
        self.work()


def measure(sessions: dict[str, Session], **changes: Any) -> dict[tuple[str, int], latency.Latency]:
    arguments = {"batch_sizes": [1], "iterations": 20, "warmup": 0, "progress": lambda done, total: None} | changes
    return latency.measure(sessions, INPUTS, **arguments)  # type: ignore[arg-type]


def test_every_round_calls_every_model_once_in_changing_order() -> None:
    calls: list[tuple[str, np.ndarray]] = []
    measure({name: Session(name, calls) for name in "abc"}, iterations=40)
    rounds = {tuple(name for name, _ in calls[start : start + 3]) for start in range(0, len(calls), 3)}
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds)
    assert len(rounds) == 6


def test_warm_up_calls_are_made_but_not_counted() -> None:
    calls: list[tuple[str, np.ndarray]] = []
    found = measure({"a": Session("a", calls)}, iterations=20, warmup=7, batch_sizes=[1, 3])
    assert len(calls) == 2 * (20 + 7)
    assert {key: value.calls for key, value in found.items()} == {("a", 1): 20, ("a", 3): 20}


def test_a_batch_holds_the_first_samples_and_starts_again_where_there_are_too_few() -> None:
    calls: list[tuple[str, np.ndarray]] = []
    measure({"a": Session("a", calls)}, iterations=1, batch_sizes=[2, 7])
    np.testing.assert_array_equal(calls[0][1], INPUTS[:2])
    np.testing.assert_array_equal(calls[1][1], np.concatenate([INPUTS, INPUTS[:2]]))


def test_the_slower_model_is_measured_slower_and_no_faster_than_it_is() -> None:
    sessions = {"fast": Session("fast", []), "slow": Session("slow", [], lambda: time.sleep(0.002))}
    found = measure(sessions, iterations=30)
    assert found["slow", 1].p50_us >= 2000
    assert found["fast", 1].p50_us < 500


def test_the_garbage_collector_is_off_while_timing_and_restored_even_after_a_failure() -> None:
    states: list[bool] = []

    def fail_at_last() -> None:
        states.append(gc.isenabled())
        if len(states) == 10:
            raise RuntimeError("the session broke")

    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="broke"):
        measure({"a": Session("a", [], fail_at_last)})
    assert states == [False] * 10
    assert gc.isenabled()


def test_progress_reaches_its_total_over_all_batch_sizes() -> None:
    told: list[tuple[int, int]] = []
    measure({"a": Session("a", [])}, batch_sizes=[1, 2], progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (40, 40)


def test_percentiles_are_numpys_and_the_kept_samples_follow_the_distribution() -> None:
    samples = np.random.default_rng(0).lognormal(4, 1, 20_000)
    found = latency.summarize(samples)
    assert (found.p50_us, found.p95_us, found.p99_us) == pytest.approx(tuple(np.quantile(samples, [0.5, 0.95, 0.99])))
    assert found.mean_us == pytest.approx(samples.mean())
    assert len(found.samples_us) == latency.KEPT_SAMPLES
    assert (found.samples_us[0], found.samples_us[-1]) == (samples.min(), samples.max())
    assert np.quantile(found.samples_us, 0.5) == pytest.approx(found.p50_us, rel=0.02)


@pytest.mark.parametrize("changes", [{"iterations": 0}, {"warmup": -1}])
def test_a_measurement_of_nothing_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="need"):
        measure({"a": Session("a", [])}, **changes)
