"""Activations of few bits, bias correction, equalization and learned rounding do what their papers say of them."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression_ops.onnx_model import export, session
from compression_ops.quantization import activations, affine, integer_kernels, qdq
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.post_training import adaround, bias_correction, equalization, fake_quantization
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks


def mapped(model: onnx.ModelProto, images: np.ndarray, precision: Precision) -> QuantizationMapping:
    return calibrated.mapping(model, activations.bounds(activations.replay(model, images)), precision)


def predict(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    return session.predict(session.open_session(model.SerializeToString()), images)


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("bits", [4, 5, 6, 7, 8])
def test_activations_of_few_bits_run_on_integers_and_are_those_of_a_float_simulation(bits: int) -> None:
    model, images = random_networks.exported(), random_networks.images(64)
    mapping = mapped(model, images, Precision(activation_bits=bits))
    written = qdq.write(model, mapping).model
    found = integer_kernels.kernels(written.SerializeToString())
    assert found.integer_share == 1
    # What holds bytes to fewer bits computes nothing: the same kernels as with 8.
    eight = qdq.write(model, mapped(model, images, Precision())).model
    assert found == integer_kernels.kernels(eight.SerializeToString())
    expected = predict(fake_quantization.simulated(model, mapping), images)
    # Sums in another order fall on the other side of a rounding now and then: a step in a few tensors, not more.
    assert relative(predict(written, images), expected) < 0.1 * 2 ** (5 - bits)
    watched = onnx.ModelProto.FromString(written.SerializeToString())
    read = sorted({node.input[0] for node in watched.graph.node if node.op_type == "DequantizeLinear"})
    computed = [name for name in read if any(name in node.output for node in watched.graph.node)]
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in computed)
    values = session.open_session(watched.SerializeToString()).run(computed, {"input": 3 * images})
    assert max(int(np.asarray(value).max()) for value in values) == 2**bits - 1


def test_activations_of_16_bits_are_closer_and_run_in_float() -> None:
    model, images = random_networks.exported(), random_networks.images(64)
    expected = predict(model, images)
    wide, narrow = (
        qdq.write(model, mapped(model, images, Precision(activation_bits=bits, reduce_range=False))).model
        for bits in (16, 8)
    )
    assert relative(predict(wide, images), expected) < relative(predict(narrow, images), expected)
    assert integer_kernels.kernels(wide.SerializeToString()).integer_share == 0


@pytest.mark.parametrize("bits", [3, 4])
def test_bias_correction_gives_each_channel_of_the_logits_its_float_mean(bits: int) -> None:
    model, images = random_networks.exported(), random_networks.images(256)
    mapping = mapped(model, images, Precision(weight_bits=bits))
    expected = predict(model, images).mean(0)
    before = predict(qdq.write(model, mapping).model, images).mean(0)
    corrected = bias_correction.corrected(model, mapping, images)
    after = predict(qdq.write(corrected, mapping).model, images).mean(0)
    assert np.abs(after - expected).max() < 0.2 * np.abs(before - expected).max()
    first = next(node for node in corrected.graph.node if node.op_type == "Conv")
    assert len(first.input) == 3


class BadlyScaled(nn.Module):
    """Layers in a row, one depthwise, whose channels differ by a factor of up to a thousand."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.last = nn.Conv2d(16, 8, 12)
        self.hidden, self.head = nn.Linear(8, 12), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.last(self.depthwise(self.first(x).relu()).relu()).flatten(1)
        return self.head(self.hidden(x).relu())


def badly_scaled() -> onnx.ModelProto:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = BadlyScaled().eval()
        factors = 10 ** torch.linspace(-1.5, 1.5, 16)[torch.randperm(16)]
    with torch.no_grad():
        network.first.weight *= factors.view(-1, 1, 1, 1)
        network.first.bias *= factors
        network.depthwise.weight /= factors.view(-1, 1, 1, 1) ** 0.5
        network.last.weight /= factors.view(1, -1, 1, 1) ** 0.5
    return export.export(network, random_networks.SHAPE)


def test_equalization_changes_no_float_logit_and_makes_per_tensor_integers_truer() -> None:
    model, images = badly_scaled(), random_networks.images(64)
    equal = equalization.equalized(model)
    expected = predict(model, images)
    assert relative(predict(equal, images), expected) < 1e-5
    precision = Precision(per_channel=False)
    before, after = (
        relative(predict(qdq.write(each, mapped(each, images, precision)).model, images), expected)
        for each in (model, equal)
    )
    assert after < 0.5 * before
    ranges = {t.name: np.abs(numpy_helper.to_array(t)).reshape(t.dims[0], -1).max(1) for t in equal.graph.initializer}
    incoming = next(numpy_helper.to_array(t) for t in equal.graph.initializer if t.name == "last.weight")
    np.testing.assert_allclose(ranges["depthwise.weight"], np.abs(incoming).max((0, 2, 3)), rtol=0.01)


def test_equalization_leaves_what_two_nodes_read_alone() -> None:
    model = random_networks.exported()
    images = random_networks.images(16)
    assert relative(predict(equalization.equalized(model), images), predict(model, images)) < 1e-5


@pytest.mark.parametrize("bits", [4, 3])
def test_learned_rounding_reconstructs_each_layer_better_and_stays_within_a_step(bits: int) -> None:
    model = random_networks.exported()
    # Of noise the nearest integers are the best; neighbouring pixels of an image are alike.
    images = nn.functional.avg_pool2d(torch.from_numpy(random_networks.images(64)), 3, 1, 1).numpy()
    mapping = mapped(model, images, Precision(weight_bits=bits))
    learned = adaround.rounded(model, mapping, images, steps=300)
    assert learned.rounded.keys() == {"first.weight", "second.weight", "third.weight", "head.weight"}
    floats = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    for name, found in learned.rounded.items():
        nearest = affine.quantize(floats[name], mapping.weights[name])
        assert int((found - nearest).abs().max()) <= 1
        exact = floats[name] / affine.widened(mapping.weights[name], floats[name])
        assert float((found - exact).abs().max()) < 1 + 1e-4
    # The first layer reads the same images either way: a convolution by torch itself tells whose output is truer.
    image = torch.from_numpy(images)
    weight, steps = floats["first.weight"], mapping.weights["first.weight"]
    errors = [
        (nn.functional.conv2d(image, affine.dequantize(integers, steps) - weight, padding=1)).square().mean().item()
        for integers in (learned.rounded["first.weight"], affine.quantize(weight, steps))
    ]
    assert errors[0] < errors[1]
    expected = predict(model, images)
    truer, nearest_logits = (predict(qdq.write(model, each).model, images) for each in (learned, mapping))
    assert relative(truer, expected) < relative(nearest_logits, expected)


def test_learned_rounding_is_the_same_twice_and_another_with_another_seed() -> None:
    model, images = random_networks.exported(), random_networks.images(40)
    mapping = mapped(model, images, Precision(weight_bits=3))
    one, two, other = (adaround.rounded(model, mapping, images, 30, seed).rounded for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_learned_rounding_sees_strides_groups_and_pads_as_onnx_means_them() -> None:
    given = {"pads": [1, 0, 2, 1], "strides": [2, 1], "group": 2}
    node = helper.make_node("Conv", ["x", "w"], ["y"], **given)
    draw = np.random.default_rng(0)
    x, w = (draw.standard_normal(shape, dtype=np.float32) for shape in ((3, 4, 7, 6), (6, 2, 3, 2)))
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    layer = adaround.layer_function(node, 2)
    assert layer is not None
    expected = session.open_session(model.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(layer(torch.from_numpy(x), torch.from_numpy(w)), expected, rtol=1e-4, atol=1e-5)
