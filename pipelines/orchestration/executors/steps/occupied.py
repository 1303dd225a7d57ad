"""Who has this machine while a run waits for it: told to the one who waits, and not waited for once it is gone."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg

from pipelines.execution import progress
from pipelines.orchestration import instance, interrupts
from pipelines.orchestration.jobs.search import POOL

_FIRST = 2.0  # seconds that a run waits without a word: a stage that ends frees the machine
_INTERVAL = 5.0  # seconds between two looks after that


@contextmanager
def told(on: dg.DagsterInstance, names: Mapping[str, str]) -> Generator[None]:
    """Until the block ends, report whom the steps of a run in this process wait for; `names` are those of the assets.

    A run whose process was killed is closed, and what it had is free.
    """
    seen: set[tuple[str, str]] = set()
    due = 0.0

    def look(steps: Sequence[str]) -> None:
        nonlocal due
        now = time.monotonic()
        if not steps or not due:
            due = now + _FIRST if steps else 0.0
        if not steps or now < due:
            return
        due = now + _INTERVAL
        instance.close_orphans(on)
        for run_id, step in _holders(on):
            if (run_id, step) not in seen:
                seen.add((run_id, step))
                words = _words(on, run_id, step)
                for waiting in steps:
                    progress.report(progress.Waiting(names.get(waiting, waiting), words))

    with interrupts.while_waiting(look):
        yield


def _holders(on: dg.DagsterInstance) -> list[tuple[str, str]]:
    """Run and step of each that has a slot of the pool."""
    return [(slot.run_id, slot.step_key) for slot in on.event_log_storage.get_concurrency_info(POOL).claimed_slots]


def _words(on: dg.DagsterInstance, run_id: str, step: str) -> str:
    """Which run it is, and how a person ends it."""
    run = on.get_run_by_id(run_id)
    if run is None:
        return (
            f"run {run_id[:8]}, which Dagster forgot: in its UI, Deployment > Concurrency > {POOL} frees what it holds"
        )
    words = f"run {run_id[:8]}, whose {step} has this machine"
    process = instance.process(run)
    if process is not None:
        return f"{words} (process {process.partition('@')[0]})"
    elsewhere = instance.host(run)
    return f"{words} ({f'on {elsewhere}' if elsewhere else 'begun in Dagster'}; its page in Dagster's UI ends it)"
