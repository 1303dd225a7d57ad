"""How long onnxruntime sessions take for one call, measured side by side so that drift hits all alike."""

import gc
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Enough order statistics for a plot of the distribution up to its 99.8th percentile.
KEPT_SAMPLES = 512
_REPORTS_PER_BATCH_SIZE = 10
_NOBODY: Mapping[str, Callable[[NDArray[np.uint8]], object]] = {}


@dataclass(frozen=True)
class Latency:
    """One model at one batch size. All values are microseconds a call, not a sample.

    samples_us: float64, ascending, at most KEPT_SAMPLES evenly spaced order statistics of all `calls` timed calls.
    """

    calls: int
    p50_us: float
    p95_us: float
    p99_us: float
    mean_us: float
    samples_us: NDArray[np.float64]


def measure(
    sessions: Mapping[str, "InferenceSession"],
    inputs: NDArray[np.uint8],
    batch_sizes: Sequence[int],
    iterations: int,
    warmup: int,
    progress: Callable[[int, int], None],
    others: Mapping[str, Callable[[NDArray[np.uint8]], object]] = _NOBODY,
) -> dict[tuple[str, int], Latency]:
    """Latency of each (model, batch size): the wall time of one `session.run` from NumPy array to NumPy arrays.

    For each batch size, `warmup` rounds untimed, then `iterations` rounds timed with Python's garbage collector off. A
    round calls every model once, in an order drawn anew (seeded), so that whose data a model finds in cache varies.
    others: functions of a batch, which are called beside the sessions in the same rounds.
    inputs: uint8 [N, C, H, W]; a batch is its first rows, from the start again where N is smaller.
    `progress(done, total)` is called between rounds. Raises ValueError for iterations < 1 or no inputs.
    """
    if iterations < 1 or warmup < 0 or len(inputs) == 0:
        raise ValueError(f"{iterations} iterations, {warmup} warm-up rounds, {len(inputs)} inputs; need >= 1, 0, 1")
    result: dict[tuple[str, int], Latency] = {}
    for position, batch_size in enumerate(batch_sizes):
        batch = np.ascontiguousarray(inputs[np.arange(batch_size) % len(inputs)])
        calls = [partial(session.run, None, {session.get_inputs()[0].name: batch}) for session in sessions.values()]
        calls += [partial(call, batch) for call in others.values()]
        report = partial(_tell, progress, position * iterations, len(batch_sizes) * iterations)
        elapsed = _rounds(calls, iterations, warmup, report)
        for name, nanoseconds in zip([*sessions, *others], elapsed, strict=True):
            result[name, batch_size] = summarize(nanoseconds / 1000)
    return result


def summarize(microseconds: NDArray[np.float64]) -> Latency:
    """Percentiles (linear interpolation), mean and thinned samples of float [calls], in any order."""
    ordered = np.sort(microseconds)
    kept = np.linspace(0, len(ordered) - 1, min(KEPT_SAMPLES, len(ordered))).round().astype(np.int64)
    p50, p95, p99 = (float(value) for value in np.percentile(ordered, [50, 95, 99]))
    return Latency(len(ordered), p50, p95, p99, float(ordered.mean()), ordered[kept])


def _rounds(
    calls: Sequence[Callable[[], object]], iterations: int, warmup: int, progress: Callable[[int], None]
) -> NDArray[np.int64]:
    """Nanoseconds, int64 [calls, iterations]."""
    elapsed = np.zeros((len(calls), iterations), dtype=np.int64)
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(calls)), (iterations, 1)), axis=1).tolist()
    for _ in range(warmup):
        for call in calls:
            call()
    pause = max(1, iterations // _REPORTS_PER_BATCH_SIZE)
    with _garbage_collector_off():
        for iteration, order in enumerate(orders):
            for index in order:
                call = calls[index]
                start = perf_counter_ns()
                call()
                elapsed[index, iteration] = perf_counter_ns() - start
            if (iteration + 1) % pause == 0:
                progress(iteration + 1)
    return elapsed


def _tell(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


@contextmanager
def _garbage_collector_off() -> Generator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
