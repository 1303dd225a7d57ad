"""What a file says about itself is read back to the last bit, from the file and from a session over it."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.onnx_model import session as onnx_session
from tests.compression_ops import linear_models

DESCRIPTION = Description(("cat", 'Žába/蛙 "1"', "eel"), (1, 8, 8), (0.1 + 0.2,), (1 / 3,))
SIGNATURE = {"recipe": "digits", "asset": "student/small", "digest": "ab12", "run_id": "f00d"}


def model() -> onnx.ModelProto:
    return linear_models.linear(np.eye(64, 3), DESCRIPTION.shape)


def described(signed: bool = False) -> onnx.ModelProto:
    result = model()
    metadata.describe(result, DESCRIPTION)
    if signed:
        metadata.sign(result, **SIGNATURE)
    return result


def session(of: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnx_session.open_session(of.SerializeToString())


def test_a_file_says_what_its_input_is_and_how_a_picture_gets_there() -> None:
    shipped = raw_samples.normalizing(model(), DESCRIPTION)
    metadata.describe(shipped, DESCRIPTION)
    (found,) = (entry.value for entry in shipped.metadata_props if entry.key == "compression.input")
    assert found.startswith("uint8 [N, C, H, W], pixels from 0 to 255; the model normalizes by itself")
    assert "the largest centred square, resized bilinear" in found


@pytest.mark.parametrize("view", [lambda proto: proto, session], ids=["file", "session"])
def test_description_and_signature_are_read_as_they_were_set(view) -> None:
    unsigned = metadata.Metadata(DESCRIPTION, None, None, None, None)
    assert metadata.read(view(described())) == unsigned
    signed = metadata.Metadata(DESCRIPTION, "digits", "student/small", "ab12", "f00d")
    assert metadata.read(view(described(signed=True))) == signed
    assert metadata.is_described(view(described()))
    assert not metadata.is_described(view(model()))


def test_the_keys_are_those_that_other_programs_are_told_of() -> None:
    found = {entry.key: entry.value for entry in described(signed=True).metadata_props}
    assert json.loads(found.pop("compression.classes")) == list(DESCRIPTION.classes)
    assert json.loads(found.pop("compression.shape")) == [1, 8, 8]
    assert json.loads(found.pop("compression.mean")) == [0.1 + 0.2]
    assert json.loads(found.pop("compression.std")) == [1 / 3]
    assert found.pop("compression.input").startswith("float32 [N, C, H, W], (pixel / 255 - mean) / std")
    assert json.loads(found.pop("compression.modality")) == {"type": "images"}
    assert found == {
        "compression.recipe": "digits",
        "compression.asset": "student/small",
        "compression.digest": "ab12",
        "mlflow.run_id": "f00d",
    }


def test_setting_again_replaces_and_leaves_what_others_set() -> None:
    changed = described(signed=True)
    helper.set_model_props(changed, {"author": "somebody", **{e.key: e.value for e in changed.metadata_props}})
    other = Description(("x", "y"), (3, 4, 4), (0.0, 0.5, 1.0), (1.0, 1.0, 2.0))
    metadata.describe(changed, other)
    metadata.sign(changed, **{**SIGNATURE, "run_id": "beef"})
    assert metadata.read(changed) == metadata.Metadata(other, "digits", "student/small", "ab12", "beef")
    keys = [entry.key for entry in changed.metadata_props]
    assert len(keys) == len(set(keys)) == 11
    assert "author" in keys


def test_the_order_of_setting_does_not_change_the_bytes() -> None:
    first, second = described(signed=True), model()
    metadata.sign(second, **SIGNATURE)
    metadata.describe(second, DESCRIPTION)
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_metadata_change_neither_the_content_nor_the_logits() -> None:
    signed, plain = described(signed=True), model()
    assert signed.SerializeToString(deterministic=True) != plain.SerializeToString(deterministic=True)
    assert metadata.content(signed) == metadata.content(plain) == plain.SerializeToString(deterministic=True)
    assert metadata.is_described(signed)
    other = linear_models.linear(2 * np.eye(64, 3), DESCRIPTION.shape)
    assert metadata.content(other) != metadata.content(plain)
    inputs = np.random.default_rng(0).standard_normal((5, 1, 8, 8), np.float32)
    logits = [onnx_session.predict(session(proto), inputs) for proto in (signed, plain)]
    np.testing.assert_array_equal(*logits)
    onnx.checker.check_model(signed, full_check=True)


def test_a_file_that_says_nothing_is_refused_with_what_it_lacks_and_has() -> None:
    plain = model()
    with pytest.raises(ModelError, match=r"model\.onnx: its metadata lack compression\.classes, .*found none"):
        metadata.read(plain, "model.onnx")
    metadata.sign(plain, **SIGNATURE)
    with pytest.raises(ModelError, match=r"lack compression\.classes.*found compression\.asset, .*mlflow\.run_id"):
        metadata.read(session(plain))


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("classes", "cat, dog", r"compression\.classes cannot be read: Invalid JSON.*found 'cat, dog'"),
        ("classes", "[]", r"compression\.classes"),
        ("classes", '["a", 3, "c"]', r"compression\.classes\[1\] cannot be read"),
        ("shape", "[8, 8]", r"compression\.shape is \[8, 8\]; images are \[N, C, H, W\]"),
        ("shape", "[0, 8, 8]", r"compression\.shape\[0\]"),
        ("mean", "[NaN]", r"compression\.mean\[0\]"),
        ("std", "[0.0]", r"compression\.std\[0\]"),
        ("std", "[1.0, 1.0]", r"1 means and 2 standard deviations for 1 channel"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_its_key(field: str, text: str, words: str) -> None:
    broken = described()
    for entry in broken.metadata_props:
        if entry.key == f"compression.{field}":
            entry.value = text
    with pytest.raises(ModelError, match=words):
        metadata.read(broken)
