"""The target `onnx`: the same bytes, or the same predictions in an older opset; what has no older form is refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from compression_ops import target
from compression_ops.errors import ModelError
from compression_ops.quantization.precision import Precision
from compression_ops.targets.onnx import Onnx, misfits
from tests.compression_ops.targets import quantized


def _plain(model: Path, images: np.ndarray) -> np.ndarray:
    """Logits of onnxruntime as it comes."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def test_without_an_opset_it_is_the_model_byte_for_byte(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model")
    target.write(Onnx(), model, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == model.read_bytes()
    assert target.read(tmp_path) == target.Facts("onnx", {"model.onnx": model.stat().st_size}, "onnxruntime 1.20")


@pytest.mark.parametrize(("opset", "runtime"), [(20, "1.17"), (18, "1.15"), (15, "1.15")])
@pytest.mark.parametrize("weight_bits", [3, 8])
def test_an_older_opset_predicts_the_same_and_says_what_runs_it(
    weight_bits: int, opset: int, runtime: str, tmp_path: Path
) -> None:
    model = quantized.write(tmp_path / "model", weight_bits)
    target.write(Onnx(opset=opset), model, tmp_path)
    written = onnx.load(tmp_path / "model.onnx")
    assert [(each.domain, each.version) for each in written.opset_import] == [("", opset)]
    assert {each.key: each.value for each in written.metadata_props} == {
        each.key: each.value for each in onnx.load(model).metadata_props
    }
    images = quantized.pixels(64)
    np.testing.assert_array_equal(_plain(tmp_path / "model.onnx", images), _plain(model, images))
    np.testing.assert_array_equal(target.predictor(Onnx(), tmp_path)(images), _plain(model, images))
    facts = json.loads((tmp_path / "target.json").read_text())
    assert facts["oldest_runtime"] == f"onnxruntime {runtime}"
    assert facts["opset"] == opset
    assert facts["options"] == {"type": "onnx", "opset": opset}


def test_integers_of_four_bits_ask_for_a_newer_runtime_than_their_opset(tmp_path: Path) -> None:
    """Tried by hand: 1.20, 1.21 and 1.22 read the file and have no kernel for its Cast, 1.23 has one."""
    model = quantized.write(tmp_path / "model", weight_bits=4)
    target.write(Onnx(), model, tmp_path)
    assert target.read(tmp_path).oldest_runtime == "onnxruntime 1.23"


def test_a_newer_opset_than_the_models_is_refused(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model", opset=18)
    with pytest.raises(ModelError, match=r"is of opset 18, and the target onnx asks for 20.*Allowed is at most 18"):
        target.write(Onnx(opset=20), model, tmp_path)


def test_integers_of_four_bits_in_an_older_opset_are_refused_with_a_cure(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model", weight_bits=4)
    with pytest.raises(ModelError, match=r"cannot be written in opset 20.*Allowed is a larger `opset`"):
        target.write(Onnx(opset=20), model, tmp_path)


@pytest.mark.parametrize(
    ("precision", "opset", "words"),
    [
        ({}, None, None),
        ({}, 15, None),
        ({"opset": 18}, 18, None),
        ({"opset": 18}, 19, "at most 18"),
        ({"weight_bits": 4}, 20, "21, the first with integers of 4 bits; or `opset: 20`"),
        ({"weight_bits": 4}, 21, None),
        ({"weight_bits": 4, "opset": 20}, 18, None),
        ({"weight_bits": 3}, 18, None),
        ({"activation_bits": 16}, 20, "21, the first with activations of 16 bits"),
    ],
)
def test_what_a_precision_does_not_allow_is_known_from_the_recipe(
    precision: dict[str, int], opset: int | None, words: str | None
) -> None:
    found = list(misfits(Onnx(opset=opset), Precision.model_validate(precision)))
    assert [each.field for each in found] == ([] if words is None else ["opset"])
    assert all(words is not None and words in each.allowed for each in found)
