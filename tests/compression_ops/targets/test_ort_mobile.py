"""The target `ort_mobile`: integer kernels and predictions are those of the ONNX session, in bytes that repeat."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from compression_ops import target
from compression_ops.errors import ModelError
from compression_ops.quantization import integer_kernels
from compression_ops.targets.ort_mobile import OrtMobile
from tests.compression_ops.targets import quantized

_INTEGER = ("QLinearConv", "QLinearAdd", "QLinearGlobalAveragePool", "QGemm")


def _executed(model: Path, folder: Path) -> Counter[str]:
    """The operators of the nodes that onnxruntime runs, from its own profile."""
    options = ort.SessionOptions()
    if model.suffix == ".ort":  # as a build without optimizers runs it
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    session.run(None, {session.get_inputs()[0].name: quantized.pixels(1)})
    events = json.loads(Path(session.end_profiling()).read_text())
    return Counter(
        event["args"]["op_name"] for event in events if event.get("cat") == "Node" and event["name"].endswith("_time")
    )


@pytest.mark.parametrize("weight_bits", [3, 4, 8])
def test_it_predicts_the_same_and_runs_as_many_integer_kernels(weight_bits: int, tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model", weight_bits)
    target.write(OrtMobile(), model, tmp_path)
    images = quantized.pixels(64)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: images})[0]
    np.testing.assert_array_equal(target.predictor(OrtMobile(), tmp_path)(images), expected)
    own, written = _executed(model, tmp_path), _executed(tmp_path / "model.ort", tmp_path)
    assert {name: written[name] for name in _INTEGER} == {name: own[name] for name in _INTEGER}
    assert written["QLinearConv"] == 3
    assert integer_kernels.kernels(model.read_bytes()).integer["QLinearConv"] == 3


@pytest.mark.parametrize(("weight_bits", "opset"), [(8, 21), (3, 18)])
def test_the_operators_of_a_reduced_build_are_those_that_run_as_onnxruntimes_own_tool_lists_them(
    weight_bits: int, opset: int, tmp_path: Path
) -> None:
    target.write(OrtMobile(), quantized.write(tmp_path / "model", weight_bits, opset), tmp_path)
    lines = (tmp_path / "required_operators.config").read_text().splitlines()
    listed = {name for line in lines for name in line.split(";")[2].split(",")}
    assert listed == set(_executed(tmp_path / "model.ort", tmp_path))
    tool = "from onnxruntime.tools.ort_format_model import create_config_from_models as f; from pathlib import Path; "
    code = f"{tool} import sys; f([Path(sys.argv[1])], Path(sys.argv[2]), False)"
    command = [sys.executable, "-c", code, str(tmp_path / "model.ort"), str(tmp_path / "theirs")]
    subprocess.run(command, check=True, capture_output=True)
    assert lines == [line for line in (tmp_path / "theirs").read_text().splitlines() if not line.startswith("#")]


def test_two_processes_write_what_is_known_by_the_same_digests_wherever_they_are_told_to(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model")
    (tmp_path / "here").mkdir()
    target.write(OrtMobile(), model, tmp_path / "here")
    elsewhere = tmp_path / "elsewhere" / "below"
    elsewhere.mkdir(parents=True)
    (tmp_path / "copy.onnx").write_bytes(model.read_bytes())
    code = (
        "import sys; from pathlib import Path; from compression_ops import target; "
        "from compression_ops.targets.ort_mobile import OrtMobile; "
        "target.write(OrtMobile(), Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "copy.onnx"), str(elsewhere)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    for name in ("required_operators.config", "target.json"):
        assert (tmp_path / "here" / name).read_bytes() == (elsewhere / name).read_bytes()
    images = quantized.pixels(64)
    logits = [target.predictor(OrtMobile(), folder)(images) for folder in (tmp_path / "here", elsewhere)]
    np.testing.assert_array_equal(*logits)


def test_the_digest_is_of_the_graph_and_of_its_weights(tmp_path: Path) -> None:
    digests: list[str] = []
    for name, scale in (("one", 1.0), ("same", 1.0), ("other", 2.0)):
        model = onnx.load(quantized.write(tmp_path / name))
        floats = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
        bias = next(tensor for tensor in floats if tensor.name.endswith("bias"))
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) * np.float32(scale), bias.name))
        onnx.save(model, tmp_path / name / "model.onnx")
        (tmp_path / name / "out").mkdir()
        written = target.write(OrtMobile(), tmp_path / name / "model.onnx", tmp_path / name / "out")
        assert written.volatile == {"model.ort"}
        digests.append(written.identity["graph_sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_the_file_does_not_depend_on_the_vectors_of_this_processor(tmp_path: Path) -> None:
    """Level `all` would leave convolutions in float, with weights in blocks as long as a vector, to this processor."""
    model = quantized.write(tmp_path / "model")
    target.write(OrtMobile(), model, tmp_path)
    assert "com.microsoft.nchwc" not in (tmp_path / "required_operators.config").read_text()


def test_what_onnxruntime_does_not_run_is_refused_in_words(tmp_path: Path) -> None:
    model = onnx.load(quantized.write(tmp_path / "model"))
    model.graph.node[-1].op_type = "NoSuchOperator"
    (tmp_path / "broken.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"cannot write the model in its ORT format.*leave the target ort_mobile out"):
        target.write(OrtMobile(), tmp_path / "broken.onnx", tmp_path)
