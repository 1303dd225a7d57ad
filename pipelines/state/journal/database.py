"""A connection to PostgreSQL that outlives a restart of its server, and the tables that lie there."""

import logging
import os
import re
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError

from compression_ops.errors import CompressionError
from pipelines.state.journal import outage

T = TypeVar("T")

_TABLES = sql.MetaData()
LINES = sql.Table(
    "compression_lines",
    _TABLES,
    sql.Column("number", sql.BigInteger, sql.Identity(), primary_key=True),
    sql.Column("id", sql.Text, nullable=False, unique=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("line", sql.Text, nullable=False),
    sql.Index("compression_lines_of_a_name", "name", "number"),
)
TEXTS = sql.Table(
    "compression_texts",
    _TABLES,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("text", sql.Text, nullable=False),
)
_MAKING = 0x636F6D7072657373  # the lock of whoever makes the tables
_PAUSE = 0.5
# What a server says that is there, of an address at which no later try helps. The driver tells no code of it.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|(database|role) .* does not exist|not permitted"
)
_SHOWN = 300  # characters of somebody else's words
_CURE = (
    "start that server, or set COMPRESSION_STATE to another; nothing is lost, and what was computed is found again "
    "once it answers"
)
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 30,  # seconds; a connection that has a turn is silent for as long as a stage takes
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 60_000,  # milliseconds, of what was sent to a server that went without a word
    "application_name": "compression",
}


class Database:
    """A database that is asked again where its server was gone for a while.

    engine   SQLAlchemy's
    turns    the same for connections that are kept as long as a turn, however many
    address  for a reader, without a password
    """

    def __init__(self, url: sql.URL, prepare: Callable[[sql.Connection], None] | None = None) -> None:
        """`prepare` is called before the first question."""
        self.engine = sql.create_engine(url, pool_pre_ping=True, connect_args=_CONNECTION)
        self.turns = sql.create_engine(url, poolclass=sql.NullPool, connect_args=_CONNECTION)
        self.address = _shown(url)
        self._prepare, self._has_answered = prepare, False
        os.register_at_fork(after_in_child=lambda: self.engine.dispose(close=False))

    def ask(self, question: Callable[[sql.Connection], T]) -> T:
        """The answer to a question, which is asked in a transaction of its own, and may be asked more than once.

        Raises StateUnavailable if the server does not answer in time: at once where a person waits and it never did,
        else within a minute. CompressionError if it lets nobody in, or does not take what it is told.
        """
        patience = outage.patience(self._has_answered)
        deadline = time.monotonic() + patience
        is_told = False
        while True:
            try:
                return self._asked(question)
            except SQLAlchemyError as error:
                if not _is_outage(error):
                    raise CompressionError(
                        f"the database {self.address} does not take what it is told: {_first_line(error)}\n"
                        "  let its user make and write tables there, and leave those named compression_* as they are"
                    ) from error
                if _REFUSED.search(str(error)):
                    raise CompressionError(
                        f"the database {self.address} lets nobody in: {_first_line(error)}\n"
                        "  mend user, password and database in COMPRESSION_STATE, or have that database made"
                    ) from error
                words = f"the database {self.address} does not answer: {_first_line(error)}"
                if time.monotonic() >= deadline:
                    raise outage.StateUnavailable(f"{words}\n  {_CURE}") from error
            if not is_told:
                logging.getLogger("compression").warning(f"{words}; trying again for {patience:.0f} s")
                is_told = True
            time.sleep(_PAUSE)

    def _asked(self, question: Callable[[sql.Connection], T]) -> T:
        with self.engine.begin() as connection:
            if self._prepare is not None and not self._has_answered:
                self._prepare(connection)
            found = question(connection)
        self._has_answered = True
        return found


def _make_tables(connection: sql.Connection) -> None:
    """By whoever comes first; the others wait, and find them."""
    there = set(sql.inspect(connection).get_table_names())
    if not there.issuperset(_TABLES.tables):
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_MAKING)))
        _TABLES.create_all(connection)


@cache
def opened(address: str) -> Database:
    """That of an address, with the journal's tables, one for a process. Raises CompressionError if it is none."""
    return Database(parsed(address), _make_tables)


def parsed(address: str) -> sql.URL:
    """An address as SQLAlchemy knows it, with the driver that comes with this product."""
    try:
        url = sql.make_url(address).set(drivername="postgresql+psycopg2")
        if (
            "@" in f"{url.host}{url.database}" or address.partition("?")[0].count("@") > 1
        ):  # of a password, which would be shown
            raise ValueError("more than one @")
        return url
    except (ArgumentError, ValueError) as error:
        raise CompressionError(
            "COMPRESSION_STATE is no address of a database\n"
            "  allowed: postgresql+psycopg2://USER:PASSWORD@HOST:PORT/DATABASE; in a password, write % and its two "
            "digits for each of : / @ %"
        ) from error


def _shown(url: sql.URL) -> str:
    """An address without its password, wherever that stands."""
    shown = sql.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()


def _is_outage(error: SQLAlchemyError) -> bool:
    """Whether the connection is at fault, not what was asked."""
    return isinstance(error, OperationalError | InterfaceError) or getattr(error, "connection_invalidated", False)


def _first_line(error: SQLAlchemyError) -> str:
    """What the driver says, of several addresses of a host what a server said; without statements and their values."""
    lines = str(getattr(error, "orig", None) or error).splitlines() or [""]
    return " ".join(next((line for line in lines if "FATAL:" in line), lines[0]).split())[:_SHOWN]
