"""The command line in a process of its own."""

import atexit
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.forks import Forks

_TOLD = {"COLUMNS": "160", "PYTHONWARNINGS": "ignore"}


def compression(*arguments: str, at: Path = REPOSITORY, **variables: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own, which was forked from one that has imported everything.

    at  the folder in which it is typed
    """
    return _forks().completed(*arguments, environment=os.environ | _TOLD | variables, at=at)


def in_a_new_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command as it begins: with nothing imported."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *arguments],
        cwd=REPOSITORY,
        env=os.environ | _TOLD,
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def _forks() -> Forks:
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    folder = until_the_end.enter_context(tempfile.TemporaryDirectory())
    return until_the_end.enter_context(Forks(Path(folder)))
