"""How far quantized tensors are from their float twins, against closed forms, and what a user is told of it."""

import math

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import session
from compression_ops.quantization import activations, affine, fidelity, qdq
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks

STEPS = affine.Integers(0, 255)


def gain(factor: float) -> onnx.ModelProto:
    """Logits = relu(input · I) · factor I, over four values a sample."""
    identity = np.eye(4, dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["input", "first.weight"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["positive"]),
            helper.make_node("Gemm", ["positive", "second.weight"], ["logits"]),
        ],
        "gain",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [
            numpy_helper.from_array(identity, "first.weight"),
            numpy_helper.from_array(factor * identity, "second.weight"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def uniform(count: int = 2000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 4)).astype(np.float32)


def written(model: onnx.ModelProto, **ranges: tuple[float, float]) -> qdq.QdqModel:
    return qdq.write(model, calibrated.mapping(model, ranges, Precision()))


def test_uniform_values_in_256_steps_have_the_noise_of_the_closed_form() -> None:
    """A step s leaves noise s² / 12 (Bennett 1948), a uniform value in [-1, 1] has the power 1 / 3: 48.2 dB."""
    model = gain(1)
    found = written(model, input=(-1, 1), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    errors = fidelity.relative_errors(model, found, uniform())
    assert -20 * math.log10(errors["input"]) == pytest.approx(20 * math.log10(255) + 0.03, abs=0.3)


def test_a_range_of_half_the_values_loses_what_lies_beyond_it() -> None:
    """x uniform in [-1, 1] limited to [-1/2, 1/2]: noise ∫(|x| - 1/2)² = 1/24, signal 1/3: 1 / √8."""
    model = gain(1)
    found = written(model, input=(-0.5, 0.5), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    assert fidelity.relative_errors(model, found, uniform())["input"] == pytest.approx(math.sqrt(1 / 8), rel=0.05)


def test_tensors_come_in_the_order_of_computation_and_without_those_that_are_gone() -> None:
    model = gain(1)
    found = written(model, input=(-1, 1), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    assert list(fidelity.relative_errors(model, found, uniform(8))) == ["input", "positive", "logits"]


def test_errors_are_those_of_the_session_that_a_user_runs() -> None:
    model, images = random_networks.exported(), random_networks.images(50)
    ranges = activations.bounds(activations.replay(model, images))
    found = qdq.write(model, calibrated.mapping(model, ranges, Precision()))
    logits, exact = (
        np.asarray(session.open_session(each.SerializeToString()).run(["logits"], {"input": images})[0])
        for each in (found.model, model)
    )
    expected = np.linalg.norm(logits - exact) / np.linalg.norm(exact)
    assert fidelity.relative_errors(model, found, images)["logits"] == pytest.approx(expected, rel=1e-3)


def test_the_models_are_left_as_they_were() -> None:
    model = gain(1)
    found = written(model, input=(-1, 1), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    before = found.model.SerializeToString()
    fidelity.relative_errors(model, found, uniform(8))
    assert found.model.SerializeToString() == before


def test_values_that_are_all_zero_have_no_error_and_what_appears_from_nothing_is_off_by_all() -> None:
    model, zeros = gain(1), np.zeros((8, 4), np.float32)
    found = written(model, input=(-1, 1), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    assert set(fidelity.relative_errors(model, found, zeros).values()) == {0.0}
    raised = numpy_helper.from_array(np.full(4, 0.5, np.float32), "bias")
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    changed.graph.node[0].input.append("bias")
    changed.graph.initializer.append(raised)
    other = written(changed, input=(-1, 1), sum=(-1, 1), positive=(0, 1), logits=(0, 1))
    assert fidelity.relative_errors(model, other, zeros)["positive"] == 1


def test_a_sound_network_warns_of_nothing() -> None:
    model, images = random_networks.exported(), random_networks.images(50)
    ranges = activations.bounds(activations.replay(model, images))
    for bits in (8, 4):
        found = qdq.write(model, calibrated.mapping(model, ranges, Precision(weight_bits=bits)))
        assert fidelity.warnings(model, fidelity.relative_errors(model, found, images), bits) == ()


def test_a_tensor_with_steps_too_coarse_is_named_with_its_layer() -> None:
    """The range of one outlier, 300 times as wide as the other values."""
    model, inputs = gain(1), uniform()
    mapping = calibrated.mapping(
        model, {"input": (-1, 1), "sum": (-1, 1), "positive": (0, 300), "logits": (0, 1)}, Precision()
    )
    found = qdq.write(model, mapping)
    errors = fidelity.relative_errors(model, found, inputs)
    (warning,) = fidelity.warnings(model, errors, 8)
    assert warning.startswith("tensor 'positive' (Relu) differs from its float values by ")
    assert ", and so does 1 after it" in warning
    assert "another calibration method" in warning


def test_the_first_tensor_and_the_worst_are_told_apart() -> None:
    (warning,) = fidelity.warnings(gain(1), {"input": 0.01, "positive": 0.2, "logits": 0.5}, 8)
    assert warning.startswith(
        "tensor 'positive' (Relu) differs from its float values by 20 %, and so does 1 after it, at worst tensor "
        "'logits' (Gemm with second.weight) by 50 %; with 8-bit weights and 8-bit activations 10 % is the most "
        "that is usual."
    )


def test_four_bits_may_cost_what_eight_may_not() -> None:
    assert fidelity.warnings(gain(1), {"logits": 0.2}, 4) == ()
    assert len(fidelity.warnings(gain(1), {"logits": 0.2}, 8)) == 1


def test_a_learned_mapping_is_judged_as_a_calibrated_one_is() -> None:
    model = gain(2)
    weights = {
        name: affine.symmetric(torch.tensor(-2.0), torch.tensor(2.0), affine.Integers(-127, 127))
        for name in ("first.weight", "second.weight")
    }
    spans = {"input": (-1.0, 1.0), "sum": (-1.0, 1.0), "positive": (-0.2, 1.0), "logits": (0.0, 2.0)}
    ranges = {
        name: affine.asymmetric(torch.tensor(low), torch.tensor(high), STEPS) for name, (low, high) in spans.items()
    }
    errors = fidelity.relative_errors(model, qdq.write(model, QuantizationMapping(weights, ranges)), uniform())
    assert max(errors.values()) < 0.01
