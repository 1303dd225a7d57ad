"""The target `openvino`: integer kernels, and the predictions of the ONNX session but for one sample in a thousand."""

import builtins
import re
from pathlib import Path
from typing import Any

import numpy as np
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
