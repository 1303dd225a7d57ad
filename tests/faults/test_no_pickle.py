"""Nothing that the product reads is a pickle: artifacts, actions, models, histories, databases.

The rule TID251 (pyproject.toml) keeps readers of pickles out of the sources; here they are out of reach of the process
that computes. Processes that it starts hand over their arguments by Python's own means.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes


def _python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_from_nothing_to_the_champion_and_after_an_edit_no_pickle_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path / "defs"))
    recipe = recipes.write(tmp_path / "defs")
    first = _python("-m", "tests.faults.without_pickle", "run", "tiny")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "9 computed" in first.stdout
    product.edit(recipe, "iterations: 20", "iterations: 21")
    second = _python("-m", "tests.faults.without_pickle", "run", "tiny")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "6 reused" in second.stdout
    for command in (("report", "tiny"), ("verify", "tiny")):
        said = _python("-m", "tests.faults.without_pickle", *command)
        assert said.returncode == 0, said.stdout + said.stderr


_READERS = """
from tests.faults.without_pickle import *
import io
import joblib
saved = io.BytesIO()
np.save(saved, np.array([None]))
forbid()
for read in (
    lambda: pickle.loads(pickle.dumps(1)),
    lambda: pickle.Unpickler(saved),
    lambda: torch.load(saved),
    lambda: joblib.load(saved),
    lambda: pd.read_pickle(saved),
    lambda: np.load(io.BytesIO(saved.getvalue()), allow_pickle=True),
):
    try:
        read()
    except PickleRead:
        print("refused")
"""


@pytest.mark.slow
def test_each_reader_of_pickles_is_out_of_reach() -> None:
    found = _python("-c", _READERS)
    assert found.stdout.split() == ["refused"] * 6, found.stdout + found.stderr
