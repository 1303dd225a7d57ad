"""Signal to noise of layers against a quantization by hand, and against another way through the same graph."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compression_ops.data.dataset import Description
from compression_ops.models.network import Network, save
from compression_ops.onnx_model import raw_samples
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.layers import noise
from compression_ops.quantization import activations, fidelity, qdq
from compression_ops.quantization.layer_noise import matching, signal_to_noise
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.post_training import equalization
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks

_PLAIN = Description(("a", "b", "c", "d"), (1, 2, 2), (0.0,), (1.0,))
_GENERATOR = np.random.default_rng(3)
_FIRST, _SECOND = (_GENERATOR.uniform(-1, 1, (4, 4)).astype(np.float32) for _ in range(2))
_IMAGES = _GENERATOR.integers(0, 256, (200, 1, 2, 2), dtype=np.uint8)


def _two_layers() -> onnx.ModelProto:
    """Logits = relu(pixels / 255 · first) · second."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("Gemm", ["flat", "first.weight"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["positive"]),
            helper.make_node("Gemm", ["positive", "second.weight"], ["logits"]),
        ],
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 2, 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(_FIRST, "first.weight"), numpy_helper.from_array(_SECOND, "second.weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _rounded(weights: np.ndarray, bits: int) -> np.ndarray:
    """Symmetric, one scale: the largest magnitude is the largest integer; with `reduce_range` 64 of 127."""
    scale = np.abs(weights).max() / (64 if bits == 8 else 2 ** (bits - 1) - 1)
    return np.rint(weights / scale) * scale


def _ratio(expected: np.ndarray, found: np.ndarray) -> float:
    return float(np.square(found - expected).sum() / np.square(expected).sum())


@pytest.mark.parametrize("bits", [8, 4, 3])
def test_two_layers_have_the_noise_of_a_quantization_by_hand(bits: int) -> None:
    """256 steps of 1 / 255 stand for pixels exactly; the hidden layer has 256 steps from 0 to its largest value."""
    model, inputs = _two_layers(), _IMAGES.reshape(-1, 4).astype(np.float64) / 255
    hidden = np.maximum(inputs @ _FIRST, 0)
    top = float(hidden.max())
    ranges = {"input": (0, 1), "flat": (0, 1), "sum": (-top, top), "positive": (0, top), "logits": (-9, 9)}
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=bits, per_channel=False))
    found = signal_to_noise.of_models(model, qdq.write(model, mapping).model, _IMAGES, _PLAIN, {"first.weight": "int8"})

    step = top / 255
    given = np.clip(np.rint(np.maximum(inputs @ _rounded(_FIRST, bits), 0) / step), 0, 255) * step
    ratios = [_ratio(hidden, given), _ratio(hidden @ _SECOND, given @ _rounded(_SECOND, bits))]
    assert [layer.layer for layer in found] == ["first.weight", "second.weight"]
    assert [layer.decibels for layer in found] == pytest.approx([-10 * math.log10(each) for each in ratios], abs=0.1)
    added = [ratios[0], max(ratios[1] - ratios[0], 0)]
    assert [layer.share for layer in found] == pytest.approx([each / sum(added) for each in added], abs=0.02)
    assert [layer.storage for layer in found] == ["int8", None]


@pytest.mark.parametrize("bits", [8, 4, 3])
def test_layers_are_found_whatever_is_done_to_the_graph_between_them(bits: int) -> None:
    """Residual addition, pooling, Relu and Clip; `fidelity`, which knows the names from writing the model, agrees."""
    description = Description(tuple("abcde"), random_networks.SHAPE, (0.5,), (0.29,))
    model = random_networks.exported()
    images = np.random.default_rng(1).integers(0, 256, (100, *random_networks.SHAPE), dtype=np.uint8)
    inputs = raw_samples.normalize(images, description)
    ranges = activations.bounds(activations.replay(model, inputs))
    written = qdq.write(model, calibrated.mapping(model, ranges, Precision(weight_bits=bits)))
    errors = fidelity.relative_errors(model, written, inputs)
    shipped = raw_samples.normalizing(written.model, description)
    found = {layer.layer: layer.decibels for layer in signal_to_noise.of_models(model, shipped, images, description)}
    convolutions = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) > 1}
    assert found.keys() == convolutions
    pairs = {pair.weight: pair.floats.output for pair in matching.pairs(model, shipped)}
    operators = {node.output[0]: node.op_type for node in model.graph.node}
    assert {operators[name] for name in pairs.values()} == {"Relu", "Clip", "Conv", "Gemm"}
    known = {weight: -20 * math.log10(errors[name]) for weight, name in pairs.items() if name in errors}
    assert len(known) >= 3
    assert {weight: found[weight] for weight in known} == pytest.approx(known, abs=0.5)


def unbalanced(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A factory: of four channels one is 300 times as large as the others, and weighed as much less afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, classes)
        )
    with torch.no_grad():
        for layer, factor, index in ((network[0], 300, 0), (network[2], 1 / 300, (slice(None), 0))):
            layer.weight[index] *= factor
        network[0].bias[0] *= 300
    return network.eval()


def test_of_one_that_was_equalized_values_are_compared_at_the_scale_that_they_got(tmp_path: Path) -> None:
    """Without that the scaled channel is compared with one that is 300 times as large."""
    student, quantized = tmp_path / "student", tmp_path / "quantized"
    student.mkdir()
    quantized.mkdir()
    description = Description(tuple("abc"), (1, 8, 8), (0.5,), (0.29,))
    save(student, Network(f"{__name__}:unbalanced", (1, 8, 8), 3), unbalanced((1, 8, 8), 3))
    images = np.random.default_rng(1).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    twin = equalization.equalized(export_saved(student))
    ranges = activations.bounds(activations.replay(twin, raw_samples.normalize(images, description)))
    written = qdq.write(twin, calibrated.mapping(twin, ranges, Precision())).model
    onnx.save(raw_samples.normalizing(written, description), quantized / "model.onnx")
    (quantized / "quantization.json").write_text('{"weight_storage": {"0.weight": "int8"}}')
    first = signal_to_noise.of_folders(student, quantized, images, description, equalized=True)
    assert [layer.storage for layer in first] == ["int8", None, None]
    assert all(layer.decibels > 25 for layer in first)
    wrong = signal_to_noise.of_folders(student, quantized, images, description)
    assert wrong[0].decibels < 5


def test_a_model_that_was_not_quantized_has_no_such_layers() -> None:
    assert signal_to_noise.of_models(_two_layers(), _two_layers(), _IMAGES, _PLAIN) == ()


def test_an_exact_layer_has_infinite_ratio_and_adds_nothing() -> None:
    """Integers from -64 to 64 as weights, on pixels that 256 steps hold, with logits that stay float."""
    weights = np.round(_FIRST * 64) / np.float32(64)
    weights[0, 0] = 1
    model = _two_layers()
    for node in list(model.graph.node)[2:]:
        model.graph.node.remove(node)
    model.graph.node[1].output[0] = "logits"
    del model.graph.initializer[:]
    model.graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32), "first.weight"))
    ranges = {"input": (0, 1), "flat": (0, 1), "logits": (-9, 9)}
    mapping = calibrated.mapping(model, ranges, Precision(per_channel=False))
    (found,) = signal_to_noise.of_models(model, qdq.write(model, mapping).model, _IMAGES, _PLAIN)
    assert found.decibels > 120, "but for the last bits of float32"
    assert noise.sentence(()) is None


def test_what_loses_most_is_named_until_half_of_the_noise_is_told() -> None:
    def layer(name: str, share: float) -> signal_to_noise.LayerNoise:
        return noise.LayerNoise(name, "Conv", None, 20.0, share)

    told = noise.sentence([layer("a", 0.1), layer("b", 0.4), layer("c", 0.3), layer("d", 0.2)])
    assert told == (
        "Most is lost in b (40 % of the added noise), c (30 % of the added noise): keep them at a higher precision "
        "first"
    )
    one = noise.sentence([layer("a", 0.7), layer("b", 0.3)])
    assert one is not None
    assert one.endswith("Most is lost in a (70 % of the added noise): keep it at a higher precision first")
    assert noise.sentence([layer("a", 0.0)]) is None


def test_a_layer_whose_output_has_noise_and_no_signal_leaves_the_shares_of_the_others() -> None:
    ratios = np.array([[0.0, 0.0, 0.1], [0.1, np.inf, 0.3]])
    np.testing.assert_allclose(signal_to_noise.shares(ratios), [1 / 3, 0, 2 / 3])
    np.testing.assert_array_equal(signal_to_noise.shares(np.array([[0.0, np.inf], [np.inf, np.inf]])), [0, 0])
