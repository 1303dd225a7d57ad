"""How long calls of several sessions take, measured in turn, so that what else the machine does hits all alike."""

import gc
from collections.abc import Sequence
from time import perf_counter_ns

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

REPETITIONS = 5
_SECONDS, _FEWEST, _MOST = 0.02, 7, 100  # of each session in a repetition; calls of it
_WARM_UP = 3


def medians(sessions: Sequence[ort.InferenceSession], batch: NDArray[np.generic]) -> NDArray[np.float64]:
    """Microseconds of a call on a batch, [sessions, REPETITIONS]: medians, each over some calls.

    A round calls every session once, in an order drawn anew (seeded), with Python's garbage collector off. There are as
    many rounds in a repetition as the first session does in 20 ms, at least 7 and at most 100.
    """
    names = [session.get_inputs()[0].name for session in sessions]

    def call(index: int) -> int:
        started = perf_counter_ns()
        sessions[index].run(None, {names[index]: batch})
        return perf_counter_ns() - started

    took = [[call(index) for index in range(len(sessions))] for _ in range(_WARM_UP)]
    rounds = int(min(max(_SECONDS * 1e9 / max(took[-1][0], 1), _FEWEST), _MOST))
    orders = np.random.default_rng(0)
    elapsed = np.zeros((len(sessions), REPETITIONS, rounds))
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for repetition in range(REPETITIONS):
            for number in range(rounds):
                for index in orders.permutation(len(sessions)).tolist():
                    elapsed[index, repetition, number] = call(index)
    finally:
        if was_enabled:
            gc.enable()
    return np.median(elapsed, axis=2) / 1000
