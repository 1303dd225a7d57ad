"""A quantized student notes what each of its layers lost: against the float twin that it was made of, on validation."""

import json
from pathlib import Path

import pytest

from compression_ops.data.dataset import load_arrays, load_description
from compression_ops.onnx_model.layers import noise
from compression_ops.quantization.layer_noise import signal_to_noise
from tests.compression_ops.stages.test_quantized_student import compute, write_dataset, write_student


def test_its_artifact_tells_the_noise_of_each_layer(tmp_path: Path) -> None:
    """As `compression compare` finds it from the two artifacts, over samples of the same split."""
    inputs = {"dataset": write_dataset(tmp_path / "dataset"), "student": write_student(tmp_path / "student")}
    for bits in (8, 3):
        compute(inputs, tmp_path / str(bits), weight_bits=bits, per_channel=True)
    found = [noise.of_folder(tmp_path / str(bits)) for bits in (8, 3)]
    images, description = load_arrays(inputs["dataset"], "validation")[0], load_description(inputs["dataset"])
    for each, bits in zip(found, (8, 3), strict=True):
        assert each is not None
        assert each.samples == 30
        told = signal_to_noise.of_folders(inputs["student"], tmp_path / str(bits), images, description)
        assert [layer.layer for layer in each.layers] == [layer.layer for layer in told]
        assert [layer.decibels for layer in each.layers] == pytest.approx([one.decibels for one in told], abs=0.01)
        assert [layer.storage for layer in each.layers] == [layer.storage for layer in told]
    fine, coarse = ([layer.decibels for layer in each.layers] for each in found if each is not None)
    assert all(few < many for few, many in zip(coarse, fine, strict=True)), "fewer bits are more noise in each layer"
    json.loads((tmp_path / "8" / "quantization.json").read_text(), parse_constant=pytest.fail)


def test_another_model_tells_none(tmp_path: Path) -> None:
    assert noise.of_folder(tmp_path) is None
