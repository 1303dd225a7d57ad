"""A journal in PostgreSQL, which several machines share. Imported only where `COMPRESSION_STATE` asks for it."""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from pipelines.state.journal import held
from pipelines.state.journal.append_only import Kept
from pipelines.state.journal.database import LINES, TEXTS, Database, opened

_PAUSE = 0.5  # seconds between looks whether it is our turn
_HELD = "held/"
_PAGE = 64  # lines that are read at once, after the newest


class Postgres:
    """Names are those of rows, `room` in front."""

    def __init__(self, database: Database, room: str = "") -> None:
        self._database, self._room = database, room

    @classmethod
    def at(cls, address: str) -> "Postgres":
        """That of a database's address."""
        return cls(opened(address))

    def within(self, room: str) -> "Postgres":
        """The names below another."""
        return Postgres(self._database, f"{self._room}{room}/")

    def append(self, name: str, line: str) -> None:
        """Add a row. One that was kept though the answer got lost is not added a second time."""
        row = {"id": str(uuid.uuid4()), "name": self._name(name), "line": line}
        adding = insert(LINES).values(row).on_conflict_do_nothing(index_elements=["id"])
        self._database.ask(lambda connection: connection.execute(adding) and None)

    def lines(self, name: str) -> Iterator[bytes]:
        """All rows of a name, in the order in which they were added."""
        asked = sql.select(LINES.c.line).where(LINES.c.name == self._name(name)).order_by(LINES.c.number)
        for line in self._database.ask(lambda connection: connection.execute(asked).scalars().all()):
            yield str(line).encode()

    def newest_first(self, name: str) -> Iterator[bytes]:
        """The newest row, then the others by and by."""
        asked = sql.select(LINES.c.number, LINES.c.line).where(LINES.c.name == self._name(name))
        asked, page = asked.order_by(LINES.c.number.desc()).limit(1), 1
        while True:
            found = self._rows(asked)
            yield from (line.encode() for _, line in found)
            if len(found) < page:
                return
            asked, page = asked.where(LINES.c.number < found[-1][0]).limit(_PAGE), _PAGE

    def _rows(self, asked: "sql.Select[int, str]") -> list[tuple[int, str]]:
        return self._database.ask(lambda connection: [(row[0], row[1]) for row in connection.execute(asked)])

    def stamp(self, name: str) -> tuple[int, int]:
        """The number of the newest row, and how many there are."""
        numbers = sql.select(sql.func.coalesce(sql.func.max(LINES.c.number), 0), sql.func.count())
        asked = numbers.where(LINES.c.name == self._name(name))
        newest, count = self._database.ask(lambda connection: connection.execute(asked).one())
        return int(newest), int(count)

    def compact(self, name: str, kept: Kept) -> None:
        """By deleting the other rows; those that are added meanwhile are not looked at."""
        asked = sql.select(LINES.c.number, LINES.c.line).where(LINES.c.name == self._name(name))
        rows = self._rows(asked.order_by(LINES.c.number))
        rest = iter([*kept([line.encode() for _, line in rows]), None])
        awaited, gone = next(rest), list[int]()
        for number, line in rows:
            if line.encode() == awaited:
                awaited = next(rest)
            else:
                gone.append(number)
        removing = sql.delete(LINES).where(LINES.c.number.in_(gone))
        if gone:
            self._database.ask(lambda connection: connection.execute(removing) and None)

    def names(self) -> list[str]:
        """The names of lines below this one."""
        asked = sql.select(LINES.c.name).distinct().where(LINES.c.name.startswith(self._room, autoescape=True))
        found = self._database.ask(lambda connection: [str(name) for name in connection.execute(asked).scalars()])
        return sorted(name.removeprefix(self._room) for name in found if name.endswith(".jsonl"))

    def text(self, name: str) -> str | None:
        """The text of a name."""
        return self._database.ask(lambda connection: _text(connection, self._name(name)))

    def update(self, name: str, change: Callable[[str | None], str]) -> None:
        """In one transaction, in which a lock keeps others from the name, whether or not it has a row."""
        self._database.ask(lambda connection: _update(connection, self._name(name), change))

    def remove(self, name: str) -> None:
        """Remove a row."""
        removing = sql.delete(TEXTS).where(TEXTS.c.name == self._name(name))
        self._database.ask(lambda connection: connection.execute(removing) and None)

    @contextmanager
    def turn(self, key: str, wait: Callable[[], None]) -> Generator[None]:
        """By a lock of the database, which releases it when the connection of the process that has it ends.

        Where that is lost meanwhile, another process may compute the same, with the same result: it costs time alone.
        """
        number, is_told = _number(self._name(f"turn/{key}")), False
        while (held := self._database.ask(lambda _: self._locked(number))) is None:
            if not is_told:
                wait()
                is_told = True
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            self._release(held, number)

    @contextmanager
    def held(self, text: str) -> Generator[None]:
        """In a row, with a lock of the database that ends as that of a turn does; both are taken anew where their
        connection was lost.
        """
        name = self._name(f"{_HELD}{uuid.uuid4()}")
        first = self._database.ask(lambda _: self._locked(_number(name)))
        assert first is not None, "nobody else knows the name"
        self._database.ask(lambda connection: _put(connection, name, text))
        removing = sql.delete(TEXTS).where(TEXTS.c.name == name)
        with held.kept(first, lambda: self._written(name, text), removing):
            yield

    def holding(self) -> list[str]:
        """Of rows whose lock somebody has; the others are removed."""
        asked = sql.select(TEXTS.c.name, TEXTS.c.text)
        asked = asked.where(TEXTS.c.name.startswith(self._name(_HELD), autoescape=True))
        return self._database.ask(lambda connection: _holding(connection, asked))

    def _written(self, name: str, text: str) -> sql.Connection | None:
        """A connection of its own with the lock of a name, whose row is there; None while a lost one has it still."""
        connection = self._locked(_number(name))
        if connection is not None:
            try:
                _put(connection, name, text)
            except BaseException:
                connection.close()
                raise
        return connection

    def _locked(self, number: int) -> sql.Connection | None:
        """A connection of its own that has the lock; None if that is another's."""
        connection = self._database.turns.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if connection.execute(sql.select(sql.func.pg_try_advisory_lock(number))).scalar_one():
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def _release(self, held: sql.Connection, number: int) -> None:
        try:
            held.execute(sql.select(sql.func.pg_advisory_unlock(number)))
        except SQLAlchemyError:
            logging.getLogger("compression").warning(
                f"the connection to {self._database.address} was lost during a computation: "
                "another machine may have computed the same meanwhile; the result stands"
            )
            held.invalidate()
        finally:
            with suppress(SQLAlchemyError):
                held.close()

    def where(self, name: str) -> str:
        """The row, and the database's address without a password."""
        return f"the text {self._name(name)!r} in table {TEXTS.name} of {self._database.address}"

    def _name(self, name: str) -> str:
        return f"{self._room}{name}"


def _text(connection: sql.Connection, name: str) -> str | None:
    return connection.execute(sql.select(TEXTS.c.text).where(TEXTS.c.name == name)).scalar_one_or_none()


def _update(connection: sql.Connection, name: str, change: Callable[[str | None], str]) -> None:
    connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_number(name))))
    _put(connection, name, change(_text(connection, name)))


def _put(connection: sql.Connection, name: str, text: str) -> None:
    putting = insert(TEXTS).values(name=name, text=text)
    connection.execute(putting.on_conflict_do_update(index_elements=["name"], set_={"text": text}))


def _holding(connection: sql.Connection, asked: "sql.Select[str, str]") -> list[str]:
    found: list[str] = []
    for name, text in connection.execute(asked).all():
        if connection.execute(sql.select(sql.func.pg_try_advisory_xact_lock(_number(name)))).scalar_one():
            connection.execute(sql.delete(TEXTS).where(TEXTS.c.name == name))
        else:
            found.append(text)
    return found


def _number(name: str) -> int:
    """What PostgreSQL knows a lock by: 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(f"compression/{name}".encode()).digest()[:8], signed=True)
