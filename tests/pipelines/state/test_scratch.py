"""Folders that stages write to, and turns."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.state import scratch
from tests.conftest import REPOSITORY

_KILLED = """
import os, sys
from pathlib import Path
from pipelines.state import scratch
with scratch.folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    os._exit(9)
"""


def _fail_inside(parent: Path) -> None:
    with scratch.folder(parent) as folder:
        assert list(folder.iterdir()) == []
        (folder / "x").write_text("half")
        raise KeyError


def test_a_folder_is_empty_and_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    """With its lock."""
    with pytest.raises(KeyError):
        _fail_inside(tmp_path / "running")
    assert list((tmp_path / "running").iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    """By the next one that needs a folder."""
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert killed.returncode == 9
    [left] = [path for path in tmp_path.iterdir() if path.is_dir()]
    with scratch.folder(tmp_path) as first:
        (first / "x").write_text("mine")
        with scratch.folder(tmp_path) as second:
            assert not left.exists()
            assert (first / "x").read_text() == "mine"
            assert first != second
    assert list(tmp_path.iterdir()) == []


_HOLD = """
import sys, time
from pathlib import Path
from pipelines.state import scratch
with scratch.turn(Path(sys.argv[1]), "ab12", lambda: None):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_has_a_turn_and_a_killed_one_hands_it_on(tmp_path: Path) -> None:
    waited: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with scratch.turn(tmp_path, "cd34", lambda: waited.append("another")):
            assert waited == [], "another key is nobody's"

        def kill() -> None:
            waited.append("the same")
            other.kill()

        with scratch.turn(tmp_path, "ab12", kill):
            assert waited == ["the same"]
