"""A process that computes an asset ends when the one that asked for it is gone: nobody waits for what it computes."""

import os
import platform
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from pipelines.lineage import environment
from pipelines.orchestration.instance import HOST, PROCESS

_LOOK = 1.0  # seconds


@contextmanager
def none(tags: Mapping[str, str]) -> Generator[None]:
    """Interrupt the block, like Ctrl-C, once the process is gone that began this one, or that waits for the run on this
    machine.

    tags  of the run
    """
    waits = tags.get(PROCESS) if tags.get(HOST) == platform.node() else None
    parent, ended = os.getppid(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK):
            if os.getppid() != parent or (waits is not None and not environment.is_alive(waits)):
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
