"""Every command of docs/own-data.md, read from the page, in the order in which a reader types them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pipelines.cli.command import compression

_PAGE = (REPOSITORY / "docs" / "own-data.md").read_text(encoding="utf-8")
_COMMANDS = re.findall(r"^\$ (.+)$", _PAGE, re.MULTILINE)


def _run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    places = {"COMPRESSION_HOME": str(folder / "home"), "COMPRESSION_DEFS": str(folder / "defs"), "COLUMNS": "200"}
    if program == "compression":
        result = compression(*arguments, at=folder, **places)
    else:
        start = [sys.executable, str(REPOSITORY / arguments.pop(0)), *arguments]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        result = subprocess.run(start, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, (command, result.stdout + result.stderr)
    return result.stdout + result.stderr


@pytest.mark.slow(seconds=95)
def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    said = [_run(command, tmp_path) for command in _COMMANDS]
    of = dict(zip(_COMMANDS, said, strict=False))
    assert "240 colour images of 2 classes" in of["compression init camera --data camera"]
    assert "raw data changed" in of["compression status camera"]
    runs = [text for command, text in zip(_COMMANDS, said, strict=True) if command == "compression run camera"]
    first, second = runs
    assert "8 computed, 1 reused" in first
    assert "9 computed" in second
    assert [line for line in said[-1].splitlines() if re.search(r"flower/0000.png.*flower", line)]


def test_the_page_names_no_command_that_is_not_there() -> None:
    from pipelines.cli.app import COMMANDS

    named = {shlex.split(command)[1] for command in _COMMANDS if command.startswith("compression ")}
    assert named
    assert named <= set(COMMANDS)
    assert set(re.findall(r"`compression (\w+)", _PAGE)) <= set(COMMANDS)
