"""Which failures are worth another try: those of the world around (I/O, a server that is gone), never a recipe's."""

import errno
import sqlite3
from collections.abc import Iterator

import dagster as dg

from pipelines.lineage.database.faults import TrackingUnavailable
from pipelines.state.filesystem import StoreUnavailable
from pipelines.state.journal.outage import StateUnavailable

# Of the operating system's errors, those that pass by themselves; a missing file or a full disk does not.
_PASSING = {
    *(errno.EIO, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE),
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN),
}
_LOCKED = ("database is locked", "database table is locked")
_GONE = ("max retries exceeded", "connection refused", "connection aborted", "timed out", "temporarily unavailable")
_GONE_STATUS = ("502", "503", "504")

RETRIES = dg.RetryPolicy(max_retries=2, delay=5.0, backoff=dg.Backoff.EXPONENTIAL)


def again(attempts: int) -> dg.RetryRequested:
    """What a step raises to be tried again after so many further attempts.

    The asset itself has no retry policy: Dagster would apply that to a step that somebody interrupted, too.
    """
    return dg.RetryRequested(RETRIES.max_retries, RETRIES.calculate_delay(attempts + 1))


def is_transient(error: BaseException) -> bool:
    """Whether an error, or what caused it, may pass by itself."""
    return any(_is_transient(cause) for cause in _causes(error))


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, TrackingUnavailable | StateUnavailable | StoreUnavailable | ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _PASSING:
        return True
    text = str(error).lower()
    if isinstance(error, sqlite3.OperationalError):
        return any(words in text for words in _LOCKED)
    if type(error).__name__ == "MlflowException":  # imported only where MLflow is used
        return any(words in text for words in (*_GONE, *_LOCKED)) or any(
            f"error code {n}" in text for n in _GONE_STATUS
        )
    return type(error).__module__.startswith("requests.") and type(error).__name__ in ("ConnectionError", "Timeout")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
