"""A process that computes an asset ends when the one that asked for it is gone: nobody waits for what it computes."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from pipelines.orchestration import instance
from pipelines.state.journal import processes

_LOOK = 1.0  # seconds


@contextmanager
def none(run: dg.DagsterRun) -> Generator[None]:
    """Interrupt the block, like Ctrl-C, once the process is gone that began this one, or waits for the run here."""
    waits = instance.process(run)
    watched = waits.identity if waits is not None and waits.is_here else None
    parent, ended = os.getppid(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK):
            if os.getppid() != parent or (watched and not processes.is_alive(watched)):
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
