"""`compression run --search` as its user types it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.cli.command import compression
from tests.pipelines.search.searches import write


def _run(*arguments: str, columns: str = "80") -> subprocess.CompletedProcess[str]:
    return compression("run", "tiny", *arguments, COLUMNS=columns)


@pytest.mark.slow
def test_the_trials_are_a_table_and_the_best_a_command(recipe: Path) -> None:
    write(recipe.parent.parent)
    done = _run("--search")
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head == "search of tiny: 4 trials, 3 results computed for them"
    rows = [line for line in lines if line.split() and line.split()[0].isdigit()]
    assert len(rows) == 4
    assert all(len(line) <= 80 for line in rows)
    assert any(line.startswith("  compression run tiny --set quantized_students.int8.weight_bits=") for line in lines)
    again = json.loads(_run("--search", "--json").stdout)
    assert [trial["number"] for trial in again["trials"]] == [0, 1, 2, 3]
    assert again["command"] in done.stdout


def test_what_contradicts_a_search_is_told(recipe: Path) -> None:
    refused = _run("--search", "--select", "teacher")
    assert refused.returncode == 1
    assert "leave out --select" in refused.stderr
    assert "search: missing" in _run("--search").stderr
