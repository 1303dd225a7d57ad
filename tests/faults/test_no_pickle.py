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
    for command in (("status",), ("report", "tiny"), ("lineage", "tiny"), ("verify", "tiny")):
        said = _python("-m", "tests.faults.without_pickle", *command)
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "reader",
    [
        "pickle.loads(pickle.dumps(1))",
        "import io; torch.load(io.BytesIO())",
        "import joblib; joblib.load('x')",
        "import io; b = io.BytesIO(); np.save(b, np.array([None])); b.seek(0); np.load(b, allow_pickle=True)",
    ],
)
def test_each_reader_of_pickles_is_out_of_reach(reader: str) -> None:
    code = f"from tests.faults.without_pickle import *; forbid(); {reader}"
    found = _python("-c", code)
    assert found.returncode != 0
    assert "PickleRead" in found.stderr
