"""`compression profile`: where a stage's time goes, with nothing recorded."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli.app import app
from tests.pipelines import product, recipes


def _profile(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app(), ["profile", *arguments])


def _refusal(*arguments: str) -> str:
    result = _profile(*arguments)
    assert result.exit_code != 0
    return str(result.exception)


def _state(home: Path) -> set[str]:
    kept = ("histories", "history", "store", "actions", "dry_runs", "running")
    return {str(path) for path in home.rglob("*") if path.is_file() and any(name in path.parts for name in kept)}


@pytest.mark.parametrize(("asset", "operator"), [("student/small", "convolution_backward"), ("control/small", "mm")])
def test_a_training_is_profiled_for_as_many_steps_as_asked_and_leaves_nothing(
    asset: str, operator: str, recipe: Path, home: Path, tmp_path: Path
) -> None:
    before, states = _state(home), product.states()
    result = _profile("tiny", asset, "--steps", "4", "--output", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["engine"], found["steps"]) == ("torch", 4)
    assert sum(each["share"] for each in found["operators"]) == pytest.approx(1)
    seconds = [each["seconds"] for each in found["operators"]]
    assert seconds == sorted(seconds, reverse=True)
    named = {each["operator"]: each for each in found["operators"]}
    assert named[operator]["flops"] > 0
    assert named[operator]["of_peak"] == pytest.approx(
        named[operator]["flops"] / named[operator]["seconds"] / found["peak_flops_per_second"]
    )
    assert Path(found["trace"]).name.endswith(".pt.trace.json"), "as TensorBoard wants it"
    assert any(
        "aten::" in event.get("name", "") for event in json.loads(Path(found["trace"]).read_text())["traceEvents"]
    )
    assert (_state(home), product.states()) == (before, states)


@pytest.mark.parametrize("asset", ["soft_labels", "quantized_student/int8"])
def test_where_onnxruntime_computes_its_own_profile_is_read(asset: str, recipe: Path, tmp_path: Path) -> None:
    result = _profile("tiny", asset, "--output", str(tmp_path / "trace.json"))
    assert result.exit_code == 0, result.output
    assert "in onnxruntime" in result.stdout
    assert "Conv" in result.stdout
    _, *table, _, _ = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in table)
    events = json.loads((tmp_path / "trace.json").read_text())
    assert any(event.get("cat") == "Node" for event in events), "which Chrome reads as it is"


def test_bad_input_is_told_with_what_to_do(defs: Path, tmp_path: Path) -> None:
    assert "has no asset 'student/smal'" in _refusal("tiny", "student/smal")
    assert "did you mean `student/small`?" in _refusal("tiny", "student/smal")
    assert "dataset neither trains nor runs a network" in _refusal("tiny", "dataset")
    found = _refusal("tiny", "student/small")
    assert "student/small is made from dataset, soft_labels, which were never computed" in found
    assert "run `compression run tiny --select dataset --select soft_labels` first" in found
    assert _profile("tiny", "teacher", "--steps", "0").exit_code == 2


def test_a_trace_in_a_folder_that_is_not_there_is_refused_before_anything_runs(recipe: Path, tmp_path: Path) -> None:
    assert "is no folder" in _refusal("tiny", "teacher", "--output", str(tmp_path / "no" / "where.json"))
    assert recipe.read_text() == recipes.TINY
