"""Python's garbage collector, told that what is imported stays.

Torch, Dagster and MLflow leave a million objects that live as long as the process; the collector would walk through all
of them while more are imported, and again and again while a stage computes.
"""

import gc
from functools import cache

_AS_EVER = gc.get_threshold()
_RARELY = (200_000, 20, 100)  # so many new objects first


def let_imports_pass() -> None:
    """Let it look rarely, until `freeze_imports`."""
    gc.set_threshold(*_RARELY)


@cache
def freeze_imports() -> None:
    """Take what is loaded by now out of its sight, once a process, and let it work as ever."""
    gc.freeze()
    gc.set_threshold(*_AS_EVER)
