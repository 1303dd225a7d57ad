"""The command line in a process of its own."""

import os
import subprocess
import sys

from tests.conftest import REPOSITORY


def compression(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "160", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
