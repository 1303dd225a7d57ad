"""MLflow out of reach: noticed, told in words, and not asked again at once."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from compression_ops.errors import CompressionError
from pipelines.lineage import connection
from pipelines.lineage.database import faults

_REMEMBERED = 60.0  # seconds; each question to a server that is gone takes some ten
_noticed: dict[str, tuple[float, str]] = {}


class Outage(CompressionError):
    """MLflow cannot be asked or told, whatever the reason."""


class Refused(Outage):
    """MLflow answers, and does not take what it is told: no later try helps by itself."""


@contextmanager
def noticed(uri: str) -> Generator[None]:
    """Raise Outage for what MLflow at `uri` raises in the block, and for the next minute before the block; Refused for
    what it does not take, which says nothing of the next minute.
    """
    since, words = _noticed.get(uri, (None, ""))
    if since is not None and time.monotonic() - since < _REMEMBERED:
        raise Outage(words)
    try:
        with connection.impatience():
            yield
    except Exception as error:
        told = faults.of_recording(error, uri)
        if told is None:
            raise
        if not faults.may_pass(error):
            raise Refused(told) from error
        _noticed[uri] = (time.monotonic(), told)
        raise Outage(told) from error
    _noticed.pop(uri, None)


def words(uri: str) -> str:
    """What was noticed of MLflow at `uri` in this process; empty if nothing was."""
    return _noticed.get(uri, (0.0, ""))[1]


def forget() -> None:
    """Ask again at once: somebody wants to know."""
    _noticed.clear()
