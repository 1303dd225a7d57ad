"""The truth table: every parameter of a recipe and every module of the science against what it computes.

The expected sets are written by hand. What an edit marks is compared for every row with a finished run. What it
computes is shown by real Dagster runs in copies of the project (runs.py): a few rows, and in
`make test-slow` every parameter and one module a kind of asset (plan.py). Each starts from the same
finished run, and its revert, which is run with the next row's edit, must compute nothing. Where a row promoted another
champion, its revert is another question: whether the former model should replace that one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from compression_ops import instruction_sets
from pipelines.execution import status
from pipelines.graph.flatten import flatten
from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from pipelines.state.home import Home
from tests import once
from tests.conftest import REPOSITORY
from tests.faults.homes import begin
from tests.pipelines import product, recipes
from tests.pipelines.execution.truth_table.modules import MODULES, REMADE
from tests.pipelines.execution.truth_table.plan import Real, planned
from tests.pipelines.execution.truth_table.rows import (
    CHAMPION,
    CONTROL,
    MADE_FROM,
    MARKED,
    PARAMETERS,
    RECIPE,
    WITHOUT_A_ROW,
    downstream,
)

# Of each kind the module that makes it: edited in a copy of the project, it computes that kind alone.
_STAGES = [module for module in MODULES if module.startswith("stages.") and module != "stages.stage"]
# Bfloat16 is computed where the processor has it.
_SLOW = [name for name in PARAMETERS if not name.endswith(".precision") or instruction_sets.has_bfloat16()]
# What `make test` runs for real: two parameters and one module.
_QUICK = ["students.small.loss.temperature", "benchmark.max_accuracy_drop", "stages.quantized_student"]
_OTHERS = [name for name in [*_SLOW, *_STAGES] if name not in _QUICK]


class Results:
    """What the real runs computed; all are done, in one process, when the first result is asked for.

    begun  a home that knows of code and networks, and has an empty database
    """

    def __init__(self, folder: Path, names: list[str], begun: Path) -> None:
        self._folder, self._begun = folder, begun
        self._runs = planned(names)

    def of(self, name: str) -> tuple[Real, dict[str, Any]]:
        """The run that shows a row, and its result."""
        number = next(number for number, run in enumerate(self._runs) if name in run.names)
        with FileLock(f"{self._folder}.lock"):  # pytest's processes share the folder
            if not (self._folder / "done").exists():
                code = self._run()
                (self._folder / "done").touch()
                assert code == 0, (self._folder / "log").read_text()[-3000:]
        results = json.loads((self._folder / "results.json").read_text())
        return self._runs[number], results[str(number)]

    def _run(self) -> int:
        folder, copy = self._folder, self._folder / "project"
        for package in ("compression_ops", "pipelines", "tests"):
            shutil.copytree(REPOSITORY / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(self._begun, folder / "home")
        recipes.write(folder / "defs", text=RECIPE)
        (folder / "rows.json").write_text(json.dumps({number: run.row(copy) for number, run in enumerate(self._runs)}))
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_T", "DAGSTER_H"))}
        environment |= {
            "COMPRESSION_HOME": str(folder / "home"),
            "COMPRESSION_DEFS": str(folder / "defs"),
            "PYTHONPATH": str(copy),
            "OMP_NUM_THREADS": "1",
        }
        command = [
            sys.executable,
            "-m",
            "tests.pipelines.execution.truth_table.runs",
            "../rows.json",
            "../results.json",
        ]
        with (folder / "log").open("w") as log:
            return subprocess.run(command, cwd=copy, env=environment, stdout=log, stderr=log, check=False).returncode


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, _migrated: Path, _finished: Path) -> Path:
    """A home without results."""
    home = Home(tmp_path_factory.mktemp("begun"))
    begin(home, _migrated, _finished)
    return home.root


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, begun: Path) -> Results:
    """The rows that are always run."""
    return Results(once.folder(tmp_path_factory, "truth_table"), _QUICK, begun)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory, begun: Path) -> Results:
    """All other parameters, and of each kind its module."""
    return Results(once.folder(tmp_path_factory, "whole_truth_table"), _OTHERS, begun)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home and the recipe of the table, which has been run there."""
    folder = tmp_path_factory.mktemp("finished_table")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPRESSION_HOME", str(folder / "home"))
        patch.setenv("COMPRESSION_DEFS", str(folder / "defs"))
        recipes.write(folder / "defs", text=RECIPE)
        assert product.computed() == {"dataset", *MADE_FROM}
    return folder


@pytest.fixture(scope="module")
def closures(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, set[str]]]:
    """(kind, code) of each asset of the recipe."""
    root = tmp_path_factory.mktemp("closures")
    pipeline = Pipeline.of(file.read(recipes.write(root / "defs", text=RECIPE)), Home(root / "home"))
    return [(asset.kind, set(asset.code_digests)) for asset in pipeline.graph.assets.values()]


def test_the_table_has_a_row_for_every_parameter(defs: Path) -> None:
    recipes.write(defs, text=RECIPE)
    flat = flatten(file.load("tiny").recipe.model_dump(mode="json"))
    stated = {name.replace("benchmark.batch_sizes", "benchmark.batch_sizes[0]") for name in flat}
    assert stated == set(PARAMETERS) | WITHOUT_A_ROW


def test_the_table_has_a_row_for_every_module() -> None:
    root = REPOSITORY / "compression_ops"
    found = {path.relative_to(root).with_suffix("") for path in root.rglob("*.py")}
    names = {".".join(part for part in path.parts if part != "__init__") or "__init__" for path in found}
    assert names == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_code_of_exactly_the_kinds_that_run_it(module: str, closures: list[tuple[str, set[str]]]) -> None:
    name = "compression_ops" if module == "__init__" else f"compression_ops.{module}"
    assert {kind for kind, code in closures if name in code} == set(MODULES[module].split())


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_edit_marks_exactly_what_it_affects(
    name: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, computed = PARAMETERS[name]
    assert RECIPE.count(old) == 1, f"{old!r} stands {RECIPE.count(old)} times in the recipe"
    monkeypatch.setenv("COMPRESSION_HOME", str(finished / "home"))
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path))
    recipes.write(tmp_path, text=RECIPE.replace(old, new))
    marked = {item.asset for item in status.of_recipe("tiny")[1].values() if item.state != "fresh"}
    assert marked == _marked(name, set(computed))


def _marked(name: str, computed: set[str]) -> set[str]:
    gone = {CONTROL} if name == "students.small.control" else set[str]()
    return MARKED.get(name, downstream(computed) - gone)


def _check(name: str, results: Results) -> None:
    run, row = results.of(name)
    assert row["failed"] == {}
    if run.select:
        assert set(row["computed"]) == set(row["changed"]) == set(run.select)
    elif name in PARAMETERS:
        assert set(row["computed"]) == set(PARAMETERS[name][2])
    else:
        expected = set(MODULES[name].split()) | REMADE.get(name, set())
        assert {asset.partition("/")[0] for asset in row["computed"]} == expected
    assert set(row.get("reverted", ())) <= ({CHAMPION} if row["promoted"] else set())
    assert row["again"] == []


@pytest.mark.parametrize("name", _QUICK)
def test_an_edit_computes_exactly_what_it_affects_and_its_revert_nothing(name: str, quick: Results) -> None:
    _check(name, quick)


@pytest.mark.slow(seconds=190)
@pytest.mark.parametrize("name", _OTHERS)
def test_every_other_edit_computes_exactly_what_it_affects_and_its_revert_nothing(name: str, every: Results) -> None:
    _check(name, every)
