"""How tests are given to processes: what is started for a file's tests is started once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

_FILE = """import os, pathlib, pytest

@pytest.fixture(scope="module")
def started():
    with pathlib.Path(__file__).with_suffix(".started").open("a") as file:
        file.write("once\\n")

@pytest.mark.parametrize("number", range(6))
def test_number(started, number):
    assert os.environ["PYTEST_XDIST_WORKER"]
"""


def test_a_files_fixture_is_made_once_on_two_processes(tmp_path: Path) -> None:
    files = [tmp_path / f"test_{name}.py" for name in ("a", "b", "c")]
    for file in files:
        file.write_text(_FILE)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "2", "--no-loadscope-reorder"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "--rootdir", tmp_path, *files],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "18 passed" in done.stdout, done.stdout + done.stderr
    assert [file.with_suffix(".started").read_text() for file in files] == ["once\n"] * 3
