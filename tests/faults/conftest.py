"""What the tests of faults share: homes, as those of the pipelines; and each tells how many faults it met."""

from collections.abc import Callable

import pytest

from tests.pipelines.conftest import _finished, _migrated, bare_home, defs, home, recipe

__all__ = ["_finished", "_migrated", "bare_home", "defs", "home", "recipe"]

Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Has a line printed at the end of pytest's run, as `40 kills: every one was survived`."""

    def record(line: str) -> None:
        record_property("told", line)

    return record
