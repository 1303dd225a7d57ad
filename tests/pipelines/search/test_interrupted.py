"""A real signal to a real `compression run --search`: it ends in words, and the next one goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.commands import search as searches
from pipelines.search.result import Result
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes
from tests.pipelines.search.searches import text

_SECTION = """\
  search:
    trials: 5
    seed: 7
    maximize: student/small.validation_accuracy
    minimize: student/small.validation_loss
    fields:
      students.small.learning_rate: {low: 0.001, high: 0.03, log: true}
"""


def _command() -> list[str]:
    return [sys.executable, "-m", "pipelines.cli.main", "run", "tiny", "--search"]


def _settings(result: Result) -> list[dict[str, object]]:
    return [dict(trial.values) for trial in result.trials]


@pytest.mark.slow
def test_a_signal_ends_a_search_and_the_next_goes_on_to_the_same_end(
    recipe: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.write(recipe.parent.parent, text=text(_SECTION))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        _command(), env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("trial 1: complete"):
            break
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what was computed so far is kept" in errors
    assert "Traceback" not in errors
    stopped = searches.searches.found(product.pipeline())
    assert 2 <= len(stopped.trials) < 5
    done = searches.run(product.pipeline())
    assert [trial.number for trial in done.trials] == [0, 1, 2, 3, 4]
    assert [trial.run_id for trial in done.trials[:2]] == [trial.run_id for trial in stopped.trials[:2]]

    monkeypatch.setenv("COMPRESSION_HOME", str(tmp_path / "another"))
    whole = searches.run(product.pipeline())
    assert _settings(whole) == _settings(done), "as if nobody had stopped it"
    assert [trial.numbers for trial in whole.trials] == [trial.numbers for trial in done.trials]
