"""A run that was marked as canceled in Dagster while its process goes on: that ends as by *Terminate*, which reaches no
process that a command began, and none whose code server is gone.
"""

import logging
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import dagster as dg

LOOK = 2.0  # seconds between two looks at the run
_watched: set[str] = set()


@contextmanager
def obeyed(on: dg.DagsterInstance, run_id: str) -> Generator[None]:
    """Interrupt the block, like Ctrl-C, once somebody marks the run as canceled; nothing where a block around does."""
    if run_id in _watched:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK):
            if _is_canceled(on, run_id):
                _stop(run_id)
                return

    looking = threading.Thread(target=watch, daemon=True)
    looking.start()
    _watched.add(run_id)
    try:
        yield
    finally:
        _watched.discard(run_id)
        ended.set()
        looking.join()


def require_not(on: dg.DagsterInstance, run_id: str) -> None:
    """Interrupt the process, like Ctrl-C, if the run is marked as canceled. Called in the main thread."""
    if _is_canceled(on, run_id):
        _stop(run_id)
        raise KeyboardInterrupt("interrupted")


def _stop(run_id: str) -> None:
    logging.getLogger("compression").warning(f"run {run_id[:8]} was marked as canceled in Dagster, and ends")
    os.kill(os.getpid(), signal.SIGTERM)


def _is_canceled(on: dg.DagsterInstance, run_id: str) -> bool:
    """As far as can be told: a database that fails says it at the next look."""
    with suppress(Exception):
        run = on.get_run_by_id(run_id)
        return run is not None and run.status == dg.DagsterRunStatus.CANCELED
    return False
