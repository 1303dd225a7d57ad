"""From a recipe to the table, with whatever tools are there."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import compare, environment, handover, ours
from benchmarks.peers.family import Family
from compression_ops.data.dataset import load_description, load_split, normalize
from compression_ops.errors import CompressionError
from compression_ops.stages.quantized_student import QuantizedStudent
from compression_ops.stages.student import Student
from tests.pipelines import recipes

TRAINING = Student.model_validate(
    {
        "architecture": "tiny_cnn",
        "epochs": 3,
        "batch_size": 32,
        "learning_rate": 0.01,
        "seed": 5,
        "loss": {"type": "kd"},
    }
)


def _own_python(tool: str, root: Path) -> Path:
    return Path(sys.executable)


def test_ours_is_quantized_by_defaults_and_learns_as_the_student_did() -> None:
    found = {
        name: QuantizedStudent.model_validate({"calibration": {"method": "minmax"}, **fields})
        for name, fields in ours.ways(TRAINING).items()
    }
    assert found["int8"] == QuantizedStudent.model_validate({"calibration": {"method": "minmax"}})
    assert [parameters.weight_bits for parameters in found.values()] == [8, 4, 4, 4]
    learned = found["int4_lsq"].method.model_dump()
    assert (learned["type"], learned["epochs"], learned["batch_size"], learned["seed"]) == ("lsq", 3, 32, 5)
    assert learned["loss"] == TRAINING.loss.model_dump()


def test_a_recipe_without_a_quantized_student_is_told_what_to_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = recipes.TINY.index("  quantized_students:"), recipes.TINY.index("  benchmark:")
    recipes.write(tmp_path / "defs", text=recipes.TINY[:begin] + recipes.TINY[end:])
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path / "defs"))
    monkeypatch.setenv("COMPRESSION_HOME", str(tmp_path / "home"))
    with pytest.raises(CompressionError, match="'tiny' has no quantized student; state one under"):
        Family.of_recipe("tiny")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--repetitions", "0", "--repetitions is 0; allowed is 1 or more"),
        ("--markdown", "no_folder/table.md", "whose folder does not exist; make it"),
        ("--environment", "/dev/null/peers", "--environment is /dev/null/peers, which is no folder"),
    ],
)
def test_an_option_that_cannot_be_is_told_before_anything_is_run(
    option: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "digits", option, value])
    with pytest.raises(SystemExit, match="2"):
        compare.main()
    assert told in capsys.readouterr().err


@pytest.mark.slow(seconds=40)
def test_a_recipe_becomes_a_table_in_which_no_tool_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes.write(tmp_path / "defs")
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path / "defs"))
    monkeypatch.setenv("COMPRESSION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(environment, "interpreter", _own_python)
    text = compare.compared("tiny", tmp_path, repetitions=1)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(",")[0].split(" |")[0].removeprefix("| ") for row in rows] == [
        "float student",
        *("neural_compressor", "nncf", "olive", "onnx_neural_compressor"),
        *["onnxruntime"] * 3,
        *["this product"] * 4,
    ]
    assert "**fails**: could not be run: ModuleNotFoundError: No module named 'nncf'" in text
    calibration = np.load(tmp_path / "models" / "tiny" / "given" / handover.CALIBRATION)
    family = Family.of_recipe("tiny")
    train = load_split(family.dataset, "train")  # fewer than 1,024: all of them
    np.testing.assert_array_equal(calibration, normalize(train.samples, load_description(family.dataset)).numpy())
