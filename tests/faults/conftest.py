"""What the tests of faults share: homes, as those of the pipelines; and each tells how many faults it met."""

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.forks import Forks
from tests.pipelines.conftest import _finished, _migrated, _migrations_read_once, bare_home, defs, home, recipe

__all__ = ["_finished", "_migrated", "_migrations_read_once", "bare_home", "defs", "home", "recipe"]

Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Has a line printed at the end of pytest's run, as `40 kills: every one was survived`."""

    def record(line: str) -> None:
        record_property("told", line)

    return record


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """A process that has imported everything."""
    with Forks(tmp_path_factory.mktemp("said")) as started:
        yield started


@contextmanager
def in_memory() -> Generator[Path]:
    """A folder in memory where there is one: a kill loses nothing that was written, so no write need reach a disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder `in_memory`."""
    with in_memory() as folder:
        yield folder
