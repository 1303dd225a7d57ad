"""A model that takes pixels gives, to the bit, the logits of its network on images that were normalized outside."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from compression_ops.data import dataset
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.evaluation import cost
from compression_ops.onnx_model import raw_samples
from tests.compression_ops import linear_models, random_networks

GREY = Description(("a", "b", "c"), (1, 16, 16), (0.1307,), (0.3081,))
COLOUR = Description(("a", "b", "c"), (3, 16, 16), (0.1307, 1 / 3, 0.7), (0.3081, 0.229, 1.0))


def every_value(description: Description) -> np.ndarray:
    """Four images in which each channel takes each of the 256 values."""
    ordered = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(description.shape[0], axis=1)
    return np.concatenate([ordered, ordered[:, :, ::-1], np.zeros_like(ordered), np.full_like(ordered, 255)])


def linear(description: Description) -> onnx.ModelProto:
    weights = np.random.default_rng(0).normal(0, 0.1, (int(np.prod(description.shape)), 3))
    return linear_models.linear(weights, description.shape)


def run(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


@pytest.mark.parametrize("description", [GREY, COLOUR], ids=["grey", "colour"])
def test_logits_are_to_the_bit_those_of_images_that_torch_normalized(description: Description) -> None:
    network, images = linear(description), every_value(description)
    outside = dataset.normalize(torch.from_numpy(images), description).numpy()
    shipped = raw_samples.normalizing(network, description)
    onnx.checker.check_model(shipped, full_check=True)
    np.testing.assert_array_equal(run(shipped, images), run(network, outside))
    np.testing.assert_array_equal(raw_samples.normalize(images, description), outside)


def test_a_batch_may_have_any_size() -> None:
    shipped, images = raw_samples.normalizing(linear(GREY), GREY), every_value(GREY)
    whole = run(shipped, images)
    np.testing.assert_allclose(np.concatenate([run(shipped, images[row : row + 1]) for row in range(4)]), whole)
    assert run(shipped, images[:0]).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_anything_but_uint8_is_refused_by_onnxruntime(dtype: type[np.generic]) -> None:
    with pytest.raises(Exception, match=r"expected: \(tensor\(uint8\)\)"):
        run(raw_samples.normalizing(linear(GREY), GREY), every_value(GREY).astype(dtype))


def test_pixels_in_another_layout_or_size_are_refused() -> None:
    shipped = raw_samples.normalizing(linear(COLOUR), COLOUR)
    for images in (
        np.zeros((1, 16, 16, 3), np.uint8),
        np.zeros((1, 3, 8, 8), np.uint8),
        np.zeros((3, 16, 16), np.uint8),
    ):
        with pytest.raises(Exception, match=r"Got invalid dimensions|Invalid rank"):
            run(shipped, images)


def test_a_model_that_takes_pixels_comes_back_equal_and_no_argument_changes() -> None:
    network = linear(GREY)
    before = network.SerializeToString(deterministic=True)
    once = raw_samples.normalizing(network, GREY)
    assert network.SerializeToString(deterministic=True) == before
    assert raw_samples.normalizing(once, GREY) == once
    assert raw_samples.takes_raw(once, GREY)
    assert not raw_samples.takes_raw(network, GREY)


def test_nothing_that_was_learned_is_added() -> None:
    network = linear(COLOUR)
    before, after = (cost.measure(m.SerializeToString()) for m in (network, raw_samples.normalizing(network, COLOUR)))
    assert (after.parameters, after.weight_bytes, after.macs) == (before.parameters, before.weight_bytes, before.macs)
    assert 0 < after.file_bytes - before.file_bytes < 400


def test_names_that_the_network_uses_are_left_to_it() -> None:
    network = random_networks.exported()
    for index, node in enumerate(network.graph.node[:-1]):
        for user in network.graph.node:
            user.input[:] = [f"n{index}" if name == node.output[0] else name for name in user.input]
        node.output[0] = f"n{index}"
    description = Description(tuple("abcde"), random_networks.SHAPE, (0.5,), (0.29,))
    images = np.random.default_rng(0).integers(0, 256, (3, *random_networks.SHAPE), np.uint8)
    outside = raw_samples.normalize(images, description)
    np.testing.assert_array_equal(run(raw_samples.normalizing(network, description), images), run(network, outside))


def test_inputs_are_what_a_session_takes() -> None:
    images = every_value(GREY)
    for model in (linear(GREY), raw_samples.normalizing(linear(GREY), GREY)):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        given = raw_samples.inputs(session, images, GREY)
        assert given.dtype == (np.uint8 if raw_samples.takes_raw(session, GREY) else np.float32)
        assert len(session.run(None, {session.get_inputs()[0].name: given})[0]) == 4


def test_a_model_of_other_images_or_inputs_is_refused_with_what_it_takes() -> None:
    with pytest.raises(ModelError, match=r"takes \[\('input', 'FLOAT', \[1, 16, 16\]\)\].*\[3, 16, 16\]"):
        raw_samples.normalizing(linear(GREY), COLOUR)
    integers = linear(GREY)
    integers.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(ModelError, match="INT64"):
        raw_samples.normalizing(integers, GREY)
    two = linear(GREY)
    two.graph.input.append(helper.make_tensor_value_info("size", TensorProto.FLOAT, [1]))
    with pytest.raises(ModelError, match="'size'"):
        raw_samples.normalizing(two, GREY)
