"""A text that a process holds in PostgreSQL: a row, and a lock that ends with the connection which has it.

A stage takes hours, and a server may be started anew meanwhile: what is lost then is taken again once it answers.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

LOOK = 5.0  # seconds between two looks at the connection
_END = 10.0  # seconds that the last look may take; a row without its lock is nobody's


@contextmanager
def kept(connection: sql.Connection, take: Callable[[], sql.Connection | None], end: sql.Executable) -> Generator[None]:
    """Until the block ends, let `take` make anew what a connection holds once that is lost: it returns another one, or
    None while that is not possible yet. At the end `end` is executed, and the connection closed.
    """
    ended = threading.Event()
    looking = threading.Thread(target=_look, args=(connection, take, end, ended), daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join(_END)


def _look(
    first: sql.Connection, take: Callable[[], sql.Connection | None], end: sql.Executable, ended: threading.Event
) -> None:
    connection: sql.Connection | None = first
    while not ended.wait(LOOK):
        if connection is not None and not _answers(connection):
            _close(connection)
            connection = None
        if connection is None:
            with suppress(SQLAlchemyError):  # the server is not back yet
                connection = take()
    if connection is not None:
        with suppress(SQLAlchemyError):  # without a connection the row is a dead one's, which `holding` passes over
            connection.execute(end)
        _close(connection)


def _answers(connection: sql.Connection) -> bool:
    try:
        connection.execute(sql.select(1))
    except SQLAlchemyError:
        return False
    return True


def _close(connection: sql.Connection) -> None:
    with suppress(SQLAlchemyError):
        connection.close()
