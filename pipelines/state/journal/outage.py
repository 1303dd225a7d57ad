"""A database of the shared state that does not answer, and how long this process waits for it."""

from dataclasses import dataclass

from compression_ops.errors import CompressionError

PATIENCE = 60.0  # seconds that a server has to come back


class StateUnavailable(CompressionError):
    """The database of `COMPRESSION_STATE` does not answer; it may do so later."""


@dataclass
class _Process:
    """This one. What an executor or Dagster started goes on where others were, so it waits from the beginning."""

    is_typed: bool = False


_PROCESS = _Process()


def answer_a_person() -> None:
    """Say that somebody typed this command, and wants to know at once of a database that is not there."""
    _PROCESS.is_typed = True


def patience(has_answered: bool) -> float:
    """Seconds that a server has until it answers, which has answered this process before or not."""
    return PATIENCE if has_answered or not _PROCESS.is_typed else 0.0
