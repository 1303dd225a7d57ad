"""A journal keeps what it was told, in order, whole, for one process at a time: in files and in PostgreSQL alike."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from compression_ops.errors import CompressionError
from pipelines.state.journal import held, outage
from pipelines.state.journal import journal as journals
from pipelines.state.journal.database import Database, opened, parsed
from pipelines.state.journal.journal import Journal
from pipelines.state.journal.outage import StateUnavailable
from pipelines.state.journal.postgres import Postgres
from tests.conftest import REPOSITORY
from tests.pipelines.servers.postgres_process import PASSWORD, USER
from tests.pipelines.servers.postgres_process import Postgres as Server

_HOLD = """
import sys, time
from pathlib import Path
from pipelines.state.journal import journal
with journal.opened(Path(sys.argv[1])).turn("ab12", lambda: None):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["files", pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.servers])])
def journal(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """An empty one, as the setting opens it."""
    monkeypatch.delenv(journals.SETTING, raising=False)
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv(journals.SETTING, server.make(f"journal{time.time_ns()}"))
    yield journals.opened(tmp_path)
    opened.cache_clear()


def test_lines_come_back_in_order_and_the_newest_first(journal: Journal) -> None:
    written = [f'{{"number": {number}, "words": "ä%_\\\\"}}' for number in range(150)]
    history, stamps = journal.within("history"), [(0, 0)]
    for line in written:
        history.append("digits/teacher.jsonl", line)
        stamps.append(history.stamp("digits/teacher.jsonl"))
    kept = [line.decode().strip() for line in history.lines("digits/teacher.jsonl")]
    newest = [line.decode() for line in history.newest_first("digits/teacher.jsonl") if line]
    assert kept == written
    assert newest == written[::-1]
    assert len(set(stamps)) == len(stamps), "whoever has read it sees that there is more"


def test_a_compacted_journal_has_the_lines_that_are_kept_and_those_that_came_meanwhile(journal: Journal) -> None:
    for number in range(6):
        journal.append("a.jsonl", f"line {number % 3}")
    before = journal.stamp("a.jsonl")
    journal.append("b.jsonl", "another")

    def kept(lines: Sequence[bytes]) -> list[bytes]:
        return [line for number, line in enumerate(lines) if number in (1, 3, 4)]

    journal.compact("a.jsonl", kept)
    journal.append("a.jsonl", "line 9")
    assert [line.decode().strip() for line in journal.lines("a.jsonl")] == ["line 1", "line 0", "line 1", "line 9"]
    assert journal.stamp("a.jsonl") != before, "whoever has read it reads it anew"
    journal.compact("a.jsonl", lambda lines: [])
    journal.compact("nothing.jsonl", lambda lines: [])
    assert list(journal.lines("a.jsonl")) == []
    assert [line.decode().strip() for line in journal.lines("b.jsonl")] == ["another"]


@pytest.mark.slow
@pytest.mark.servers
def test_rows_that_are_made_fewer_are_the_old_ones_or_the_new_after_a_kill_at_every_step(postgres: Server) -> None:
    """A process dies at its n-th statement: before it is sent, and after it was answered."""
    journal = Postgres.at(postgres.make("short"))
    old = [f"line {number}" for number in range(6)]
    seen: list[bool] = []
    for step in range(20):
        for line in old:
            journal.append(f"{step}.jsonl", line)
        child = os.fork()
        if child == 0:
            _die_at(journal, step)
            journal.compact(f"{step}.jsonl", lambda lines: lines[1::2])
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = [line.decode() for line in journal.lines(f"{step}.jsonl")]
        assert found in (old, old[1::2])
        seen.append(found != old)
        if code == 0:
            break
        assert code == 9
    assert seen == sorted(seen)
    assert seen[-1]
    assert len(seen) > 3


def _die_at(journal: Postgres, step: int) -> None:
    left = [step]

    def look(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(journal._database.engine, moment, look)  # pyright: ignore[reportPrivateUsage]


def test_names_are_those_of_lines_in_their_room_alone(journal: Journal) -> None:
    for name in ("history/b/x.jsonl", "history/a/y/z.jsonl", "history/recorded.lines", "hist_ry/c.jsonl", "d.jsonl"):
        journal.append(name, "line")
    journal.update("history/text.json", lambda _: "{}")
    assert journal.within("history").names() == ["a/y/z.jsonl", "b/x.jsonl"]
    assert journal.within("hist_ry").names() == ["c.jsonl"], "_ stands for itself"
    assert list(journal.lines("nothing")) == []
    assert [line for line in journal.newest_first("nothing") if line] == []


def test_a_text_is_changed_by_one_at_a_time(journal: Journal) -> None:
    assert journal.text("generations/r.json") is None

    def count() -> None:
        for _ in range(10):
            journal.update("generations/r.json", lambda text: str(int(text or "0") + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.text("generations/r.json") == "40"
    journal.remove("generations/r.json")
    journal.remove("generations/r.json")
    assert journal.text("generations/r.json") is None


def test_one_process_at_a_time_has_a_turn_and_a_killed_one_hands_it_on(journal: Journal, tmp_path: Path) -> None:
    waited: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with journal.turn("cd34", lambda: waited.append("another")):
            assert waited == [], "another key is nobody's"

        def kill() -> None:
            waited.append("the same")
            other.kill()

        with journal.turn("ab12", kill):
            assert waited == ["the same"]


_HELD = _HOLD.replace('.turn("ab12", lambda: None)', '.held("read by another")')


def test_a_text_that_is_held_ends_with_its_process_and_is_seen_by_all_until_then(
    journal: Journal, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _HELD, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with journal.held("read here"):
            assert sorted(journal.holding()) == ["read by another", "read here"]
            other.kill()
            other.wait()
            until = time.monotonic() + 10  # the server sees that a connection ended
            while journal.holding() != ["read here"]:
                assert time.monotonic() < until
                time.sleep(0.05)
    assert journal.holding() == []


@pytest.mark.parametrize(
    "address",
    [
        *("mysql://u:p@h/d", "sqlite:///x", "h:5432/d", "postgresql://u:p@h/d", "postgresql+psycopg2://u:p@h:port/d"),
        *("postgresql+psycopg2://u:s3@cret@h/d", "postgresql+psycopg2://u/x:s3cret@h/d"),
    ],
)
def test_what_is_no_address_of_a_database_is_told_with_what_is_allowed(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(journals.SETTING, address)
    with pytest.raises(CompressionError, match=r"COMPRESSION_STATE .*\n  allowed: postgresql\+psycopg2://USER") as told:
        journals.opened(tmp_path)
    assert not any(secret in str(told.value) for secret in ("u:p", "s3", "cret"))


@pytest.mark.slow
@pytest.mark.servers
def test_processes_that_come_to_an_empty_database_at_once_all_find_its_tables(postgres: Server) -> None:
    address = postgres.make("empty")

    def first(number: int) -> None:
        from pipelines.state.journal.database import _make_tables  # pyright: ignore[reportPrivateUsage]

        Postgres(Database(parsed(address), _make_tables)).append("r/a.jsonl", str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(first, range(8)))
    assert sorted(Postgres.at(address).lines("r/a.jsonl")) == [str(number).encode() for number in range(8)]


def test_one_process_has_many_turns_at_a_time(journal: Journal) -> None:
    with ExitStack() as turns:
        for number in range(20):
            turns.enter_context(journal.turn(f"{number:03x}", lambda: pytest.fail("nobody has it")))
        journal.append("a.jsonl", "line")
    assert list(journal.lines("a.jsonl"))


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize(
    ("right", "wrong", "words"), [(USER, "nobody", "nobody"), ("s3cret", "guess", USER), ("/known", "/unknown", "")]
)
def test_who_is_not_let_in_is_told_at_once_what_to_mend(postgres: Server, right: str, wrong: str, words: str) -> None:
    address, started = postgres.address("known"), time.monotonic()
    words = f'user "{words}"' if words else 'database "unknown" does not exist'
    with pytest.raises(CompressionError, match=rf"lets nobody in: .*{words}.*\n  mend user, password and database in"):
        Postgres.at(address.replace(right, wrong)).append("a.jsonl", "line")
    assert time.monotonic() - started < 10


@pytest.mark.slow
@pytest.mark.servers
def test_what_an_executor_started_waits_for_a_database_that_it_has_not_met_yet(postgres: Server) -> None:
    address = postgres.make("later")
    postgres.kill()
    again = threading.Timer(1.0, postgres.start)
    again.start()
    Postgres.at(address).append("a.jsonl", "line")
    again.join()


@pytest.mark.slow
@pytest.mark.servers
def test_a_database_that_is_killed_and_started_again_costs_time_no_line_and_nothing_that_is_held(
    postgres: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "LOOK", 0.1)
    kept = Postgres.at(postgres.make("killed"))
    kept.append("r/a.jsonl", "before")
    again = threading.Timer(2.0, postgres.start)
    with caplog.at_level(logging.WARNING, "compression"), kept.turn("ab12", lambda: None), kept.held("read here"):
        assert kept.holding() == ["read here"]
        postgres.kill()
        again.start()
        kept.append("r/a.jsonl", "meanwhile")
        again.join()
        until = time.monotonic() + 10
        while kept.holding() != ["read here"]:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert kept.holding() == []
    kept.append("r/a.jsonl", "after")
    assert list(kept.lines("r/a.jsonl")) == [b"before", b"meanwhile", b"after"]
    assert [record.message.partition(";")[0].partition(": ")[0] for record in caplog.records] == [
        f"the database postgresql://team@127.0.0.1:{postgres.port}/killed does not answer",
        f"the connection to postgresql://team@127.0.0.1:{postgres.port}/killed was lost during a computation",
    ]
    with kept.turn("ab12", lambda: pytest.fail("nobody has it")):
        pass


@pytest.mark.slow
@pytest.mark.servers
def test_a_database_that_does_not_answer_at_first_is_told_a_person_at_once_without_its_password(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "_PROCESS", replace(outage._PROCESS))  # pyright: ignore[reportPrivateUsage]
    outage.answer_a_person()
    address = postgres.address("gone").replace(str(postgres.port), "1")
    started = time.monotonic()
    with pytest.raises(StateUnavailable, match=r"postgresql://team@127.0.0.1:1/gone does not answer: .*\n  start") as e:
        Postgres.at(address).append("a.jsonl", "line")
    assert time.monotonic() - started < 10
    assert PASSWORD not in str(e.value)
    assert "%2F" not in str(e.value)
