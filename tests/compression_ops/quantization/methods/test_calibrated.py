"""The mapping of a calibrated model: the scales of the papers' closed forms, for every constant and every tensor."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.quantization import activations, affine, qdq
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks


def mapped(precision: Precision) -> QuantizationMapping:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    return calibrated.mapping(model, ranges, precision)


def constants() -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in random_networks.exported().graph.initializer}


@pytest.mark.parametrize(
    ("precision", "largest"),
    [
        (Precision(), 64),
        (Precision(reduce_range=False), 127),
        (Precision(weight_bits=4), 7),
        (Precision(weight_bits=4, reduce_range=False), 7),
    ],
    ids=str,
)
def test_the_largest_weight_of_each_channel_is_the_largest_integer(precision: Precision, largest: int) -> None:
    weights = mapped(precision).weights
    for name in ("first.weight", "second.weight", "third.weight", "head.weight"):
        extremes = np.abs(constants()[name]).reshape(len(constants()[name]), -1).max(axis=1)
        np.testing.assert_allclose(weights[name].scale, extremes / largest, rtol=1e-6)
        assert not weights[name].zero_point.any()


def test_one_scale_a_tensor_is_that_of_its_largest_weight() -> None:
    weights = mapped(Precision(per_channel=False)).weights
    for name, found in weights.items():
        assert found.axis is None
        assert float(found.scale) == pytest.approx(np.abs(constants()[name]).max() / 64)


def test_each_tensor_that_flows_is_mapped_onto_256_integers() -> None:
    model = random_networks.exported()
    images = random_networks.images(32)
    found = mapped(Precision()).activations
    assert found.keys() == {"input", *(name for node in model.graph.node for name in node.output)}
    assert float(found["input"].scale) == pytest.approx(float(np.ptp(images)) / 255, rel=1e-5)
    assert int(found["input"].zero_point) == round(-float(images.min()) / float(found["input"].scale))


def test_the_integers_are_those_of_our_quantizer() -> None:
    mapping = mapped(Precision())
    written = qdq.write(random_networks.exported(), mapping).model
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in written.graph.initializer}
    for name in ("first.weight", "second.weight", "head.weight"):
        weight = torch.from_numpy(constants()[name].copy())
        low, high = affine.value_range(weight, axis=0)
        expected = affine.quantize(weight, affine.symmetric(low, high, affine.Integers(-64, 64), axis=0))
        np.testing.assert_array_equal(stored[name], expected.numpy())


def products(operator: str, inputs: list[str], **constants: np.ndarray) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ["logits"])],
        "product",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [3, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_a_matrix_that_multiplies_from_the_left_has_one_scale_and_from_the_right_one_a_column() -> None:
    matrix, ranges = np.arange(-4, 5).reshape(3, 3), {"input": (0.0, 1.0), "logits": (0.0, 1.0)}
    left = calibrated.mapping(products("MatMul", ["w", "input"], w=matrix), ranges, Precision()).weights["w"]
    right = calibrated.mapping(products("MatMul", ["input", "w"], w=matrix), ranges, Precision()).weights["w"]
    assert left.axis is None
    assert float(left.scale) == pytest.approx(4 / 64)
    assert right.axis == 1
    np.testing.assert_allclose(right.scale, np.array([4, 3, 4]) / 64)


@pytest.mark.parametrize("operator", ["Add", "Mul", "Concat"])
@pytest.mark.parametrize("inputs", [["input", "c"], ["c", "input"]])
def test_a_constant_that_is_no_weight_has_the_integers_of_an_activation(operator: str, inputs: list[str]) -> None:
    constant = np.linspace(-1, 3, 9).reshape(3, 3)
    model = products(operator, inputs, c=constant)
    found = calibrated.mapping(model, {"input": (0.0, 1.0), "logits": (0.0, 1.0)}, Precision()).weights["c"]
    assert (found.integers, found.axis) == (affine.Integers(0, 255), None)
    assert float(found.scale) == pytest.approx(4 / 255)
    assert int(found.zero_point) == round(255 / 4)


@pytest.mark.parametrize("value", [0.5, -3.0, 1.0])
def test_a_single_factor_is_exact(value: float) -> None:
    model = products("Mul", ["c", "input"], c=np.array(value))
    found = calibrated.mapping(model, {"input": (0.0, 1.0), "logits": (0.0, 1.0)}, Precision()).weights["c"]
    assert float(affine.fake_quantize(torch.tensor(value), found)) == pytest.approx(value, rel=1e-6)
