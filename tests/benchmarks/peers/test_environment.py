"""Each tool has an environment of its own; what cannot be installed or run is told in one line."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from benchmarks.peers import environment, handover
from benchmarks.peers.environment import ToolError
from tests.conftest import REPOSITORY

SHAPE = (1, 8, 8)
PINNED = re.compile(r"[\w-]+(\[\w+\])?==[\w.]+")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A network of a convolution and a linear layer, made without torch, and images."""
    folder = tmp_path / "given"
    folder.mkdir()
    draw = np.random.default_rng(0)
    shapes = {"filters": (4, 1, 3, 3), "weights": (4 * 6 * 6, 3)}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "filters"], ["map"], name="conv"),
            helper.make_node("Relu", ["map"], ["active"], name="relu"),
            helper.make_node("Flatten", ["active"], ["flat"], name="flat"),
            helper.make_node("Gemm", ["flat", "weights"], ["logits"], name="linear"),
        ],
        "network",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", *SHAPE])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(draw.normal(size=s).astype(np.float32), name) for name, s in shapes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, folder / handover.MODEL)
    np.save(folder / handover.CALIBRATION, draw.normal(size=(8, *SHAPE)).astype(np.float32))
    return folder


@pytest.fixture
def own_python(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """This environment instead of one that is installed; the tools that asked for it."""
    asked: list[str] = []

    def interpreter(tool: str, root: Path) -> Path:
        asked.append(tool)
        return Path(sys.executable)

    monkeypatch.setattr(environment, "interpreter", interpreter)
    return asked


def test_every_tool_has_a_module_and_pinned_versions() -> None:
    folder = REPOSITORY / "benchmarks" / "peers"
    assert {"onnxruntime", "nncf", "olive", "neural_compressor"} <= set(environment.TOOLS)
    for tool in environment.TOOLS:
        assert (folder / f"{tool}.py").is_file(), tool
        lines = (environment.REQUIREMENTS / f"{tool}.txt").read_text().splitlines()
        assert [line for line in lines if not PINNED.fullmatch(line)] == [], tool


def test_onnxruntimes_tool_quantizes_and_is_not_asked_again_until_something_changes(
    given: Path, own_python: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "models" / "onnxruntime"
    versions, outcomes = environment.quantize("onnxruntime", tmp_path, given, output)
    assert versions["onnxruntime"] == onnxruntime.__version__
    static, int4, weights = outcomes
    assert (static.error, int4.error, weights.error) == (None, None, None)
    operators = [node.op_type for node in onnx.load(output / str(static.file)).graph.node]
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= set(operators)
    types = {tensor.data_type for tensor in onnx.load(output / str(int4.file)).graph.initializer}
    assert onnx.TensorProto.INT4 in types
    assert environment.quantize("onnxruntime", tmp_path, given, output) == (versions, outcomes)
    assert own_python == ["onnxruntime"]
    np.save(given / handover.CALIBRATION, np.ones((8, *SHAPE), np.float32))
    environment.quantize("onnxruntime", tmp_path, given, output)
    assert own_python == ["onnxruntime"] * 2


def test_a_tool_that_is_not_there_is_told_by_the_last_line_of_its_error(
    given: Path, own_python: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ToolError, match=r"^could not be run: ModuleNotFoundError: No module named 'nncf'$"):
        environment.quantize("nncf", tmp_path, given, tmp_path / "nncf")


@pytest.fixture
def requirement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the requirements of a tool `made_up`."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    monkeypatch.setattr(environment, "REQUIREMENTS", folder)

    def write(text: str) -> None:
        (folder / "made_up.txt").write_text(text)

    return write


def test_an_environment_is_made_once_for_the_same_requirements_and_anew_for_others(
    requirement: Callable[[str], None], tmp_path: Path
) -> None:
    requirement("# nothing\n")
    python = environment.interpreter("made_up", tmp_path)
    made = python.lstat().st_ctime_ns
    assert environment.interpreter("made_up", tmp_path).lstat().st_ctime_ns == made
    requirement("./no_such_folder\n")
    with pytest.raises(ToolError, match=r"could not be installed: .*no_such_folder"):
        environment.interpreter("made_up", tmp_path)
    with pytest.raises(ToolError, match="could not be installed"):  # not taken for installed by the next call
        environment.interpreter("made_up", tmp_path)
