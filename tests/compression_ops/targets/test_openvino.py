"""The target `openvino`: integer kernels, and the predictions of the ONNX session but for one sample in a thousand."""

import builtins
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from compression_ops import target
from compression_ops.errors import ModelError
from compression_ops.targets.openvino import OpenVINO
from tests.compression_ops.targets import quantized


def test_without_its_package_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "openvino":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    model = quantized.write(tmp_path / "model")
    with pytest.raises(ModelError, match=re.escape("pip install 'compression-pipeline[openvino]'")):
        target.write(OpenVINO(), model, tmp_path)


@pytest.mark.openvino
@pytest.mark.parametrize("weight_bits", [8, 4, 3])
def test_it_predicts_the_same_on_integer_kernels(weight_bits: int, tmp_path: Path) -> None:
    import openvino  # type: ignore[import-not-found]

    model = quantized.write(tmp_path / "model", weight_bits)
    written = target.write(OpenVINO(), model, tmp_path)
    images = quantized.pixels(1000)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: images})[0]
    found = target.predictor(OpenVINO(), tmp_path)(images)
    assert (found.argmax(axis=1) != expected.argmax(axis=1)).sum() <= 1
    assert np.abs(found - expected).max() < 0.05 * np.ptp(expected)
    assert written.metrics["integer_share"] == 1
    assert written.warnings == ()
    compiled = openvino.Core().compile_model(tmp_path / "model.xml", "CPU")
    kinds = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    assert [each["runtimePrecision"] for each in kinds if each["layerType"] == "Convolution"] == ["u8"] * 3


@pytest.mark.openvino
def test_it_is_written_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        target.write(OpenVINO(), model, tmp_path / name)
    for name in ("model.xml", "model.bin", "target.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


_OF_TEXTS = """<ir_version: 10, opset_import: ["": 21]>
agraph (int64[N, 8] tokens) => (float[N, 512] logits) <int64[1] axes = {1}> {
    floats = Cast <to: int = 1> (tokens)
    ids = Cast <to: int = 7> (floats)
    rows = Gather (table, ids)
    means = ReduceMean <keepdims: int = 0> (rows, axes)
    logits = MatMul (means, table)
}"""
_OF_ROWS = """<ir_version: 10, opset_import: ["": 21]>
agraph (float[N, 2] rows) => (float[N, 512] logits) <float[2] means = {1.7e9, 1e12}, float[2] deviations = {1e5, 1e9}> {
    centred = Sub (rows, means)
    normal = Div (centred, deviations)
    logits = MatMul (normal, weights)
}"""


@pytest.mark.openvino
def test_ids_and_large_numbers_are_not_rounded(tmp_path: Path) -> None:
    """Ids by OpenVINO's default, too; numbers where what `target.json` says is stated."""
    import openvino  # type: ignore[import-not-found]

    random = np.random.default_rng(0)
    table = onnx.numpy_helper.from_array(np.eye(512, dtype=np.float32), "table")
    weights = onnx.numpy_helper.from_array(np.eye(2, 512, dtype=np.float32), "weights")
    ids = random.integers(256, 512, (100, 8))
    rows = (np.array([1.7e9, 1e12]) + random.normal(size=(100, 2)) * np.array([1e5, 1e9])).astype(np.float32)
    for name, text, samples, is_stated in (("texts", _OF_TEXTS, ids, False), ("rows", _OF_ROWS, rows, True)):
        folder = tmp_path / name
        folder.mkdir()
        model = onnx.parser.parse_model(text)
        model.graph.initializer.append(table if name == "texts" else weights)
        onnx.save(model, tmp_path / "model.onnx")
        target.write(OpenVINO(), tmp_path / "model.onnx", folder)
        (expected,) = ort.InferenceSession(tmp_path / "model.onnx").run(None, {model.graph.input[0].name: samples})
        settings = json.loads((folder / "target.json").read_text())["settings"] if is_stated else {}
        compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
        for found in (target.predictor(OpenVINO(), folder)(samples), compiled(samples)[0]):
            np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=name)
