"""Quantized models run on integers, close to the float model, and their bytes are few and always the same."""

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from compression_ops.errors import ModelError
from compression_ops.onnx_model import session
from compression_ops.quantization import activations, affine, integer_graph, integer_kernels
from compression_ops.quantization import static as static_quantization
from compression_ops.quantization.precision import ACTIVATION_BITS, WEIGHT_BITS
from compression_ops.quantization.static import Precision
from tests.compression_ops import random_networks

REPOSITORY = Path(__file__).resolve().parents[3]
USUAL = Precision(weight_bits=8, activation_bits=8, per_channel=True, reduce_range=True)
EACH = [Precision(*choice) for choice in itertools.product(WEIGHT_BITS, ACTIVATION_BITS, (True, False), (True, False))]


def quantized(precision: Precision = USUAL, model: onnx.ModelProto | None = None) -> onnx.ModelProto:
    model = model or random_networks.exported()
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    images = np.random.default_rng(0).standard_normal((32, *shape), dtype=np.float32)
    return static_quantization.quantize(model, activations.bounds(activations.replay(model, images)), precision)


def serialized(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


def predict(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    return session.predict(session.open_session(serialized(model)), images)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.ptp(expected))


@pytest.mark.parametrize("precision", EACH, ids=str)
def test_every_precision_that_a_recipe_can_choose_runs_on_integers(precision: Precision):
    kernels = integer_kernels.kernels(serialized(quantized(precision)))
    assert kernels.floating == {}
    assert kernels.integer["QLinearConv"] == 3
    assert kernels.integer["QGemm"] == 1
    assert kernels.integer_share == 1


@pytest.mark.parametrize(("bits", "bound"), [(8, 0.03), (4, 0.3)])
def test_the_quantized_logits_are_close_to_the_float_ones(bits: int, bound: float):
    images = random_networks.images(50, seed=3)
    expected = predict(random_networks.exported(), images)
    assert relative_error(predict(quantized(Precision(bits, 8, True, True)), images), expected) < bound


def test_nothing_is_lost_against_the_tool_that_places_the_integers(tmp_path: Path):
    """onnxruntime's own quantize_static with the same settings is no closer to the float model, and larger."""
    source, target = tmp_path / "float.onnx", tmp_path / "tool.onnx"
    onnx.save(random_networks.exported(), source)

    class Reader:
        def __init__(self) -> None:
            self.batches = [random_networks.images(32)]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return {"input": self.batches.pop()} if self.batches else None

    quantize_static(
        source,
        target,
        Reader(),
        QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    images = random_networks.images(200, seed=3)
    expected = predict(random_networks.exported(), images)
    tool = session.predict(session.open_session(target), images)
    assert np.abs(predict(quantized(), images) - expected).mean() <= np.abs(tool - expected).mean()
    assert len(serialized(quantized())) < 0.75 * target.stat().st_size


def test_four_bits_halve_the_weights():
    eight, four = (
        {tensor.name: tensor for tensor in quantized(Precision(bits, 8, True, True)).graph.initializer}
        for bits in (8, 4)
    )
    for name in ("first.weight", "second.weight", "third.weight", "head.weight"):
        assert four[name].data_type == TensorProto.INT4
        assert len(four[name].raw_data) == (len(eight[name].raw_data) + 1) // 2
        assert np.abs(numpy_helper.to_array(four[name]).astype(int)).max() == 7


@pytest.mark.parametrize(("reduce_range", "largest"), [(True, 64), (False, 127)])
def test_a_reduced_range_keeps_the_weights_within_64(reduce_range: bool, largest: int):
    model = quantized(Precision(8, 8, True, reduce_range))
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == TensorProto.INT8]
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) == largest


def wide_sum() -> onnx.ModelProto:
    """A linear layer whose every product is the largest that its integers can give: the case that saturates."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["input", "w"], ["logits"], transB=1)],
        "sum",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.ones((4, 64), np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_the_largest_possible_sum_is_exact_with_a_reduced_range():
    model = static_quantization.quantize(wide_sum(), {"input": (0.0, 1.0), "logits": (0.0, 64.0)}, USUAL)
    np.testing.assert_allclose(predict(model, np.ones((1, 64), np.float32)), 64, rtol=1e-5)


def test_the_integers_are_those_of_our_quantizer():
    model = quantized()
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    floats = {tensor.name: tensor for tensor in random_networks.exported().graph.initializer}
    for name in ("first.weight", "second.weight", "head.weight"):
        weight = torch.from_numpy(numpy_helper.to_array(floats[name]).copy())
        low, high = affine.value_range(weight, axis=0)
        expected = affine.quantize(
            weight, affine.symmetric(low, high, static_quantization.weight_integers(USUAL), axis=0)
        )
        np.testing.assert_array_equal(numpy_helper.to_array(stored[name]), expected.numpy())


def test_the_logits_are_float_and_not_256_levels():
    logits = predict(quantized(), random_networks.images(400, seed=5))
    assert len(np.unique(logits)) > 1000


def test_compaction_changes_no_integer(monkeypatch: pytest.MonkeyPatch):
    """What the tool gave and what we store differ by the rounding of the logits to 8 bits alone, half a step."""
    kept: list[onnx.ModelProto] = []
    original = integer_graph.compact

    def compact(tool: onnx.ModelProto, source: onnx.ModelProto, pack: bool) -> onnx.ModelProto:
        kept.append(onnx.ModelProto.FromString(tool.SerializeToString()))
        return original(tool, source, pack)

    monkeypatch.setattr(integer_graph, "compact", compact)
    small = quantized()
    images = random_networks.images(300)
    expected, found = predict(kept[0], images), predict(small, images)
    scale = next(
        float(numpy_helper.to_array(tensor)) for tensor in kept[0].graph.initializer if tensor.name == "logits_scale"
    )
    # The 8 bits also end at the largest logit of the calibration.
    inside = np.clip(found, expected.min(), expected.max())
    assert np.abs(expected - inside).max() <= 0.5 * scale * 1.001
    assert len(serialized(small)) < 0.7 * len(serialized(kept[0]))


def test_the_file_holds_integers_short_names_and_little_else():
    model = quantized()
    values = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    assert len(serialized(model)) - values < 2000
    assert not any(node.name or node.doc_string for node in model.graph.node)
    floats = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1]
    assert not floats
    contents = [(tuple(t.dims), t.data_type, t.raw_data) for t in model.graph.initializer]
    assert len(set(contents)) == len(contents)


def test_bytes_are_the_same_in_another_process_folder_and_hash_seed(tmp_path: Path):
    script = (
        "import hashlib, numpy as np, onnx; from pathlib import Path;"
        "from compression_ops.quantization import activations as a, static as s;"
        "m = onnx.load('float.onnx');"
        "x = np.random.default_rng(0).standard_normal((32, 1, 12, 12), dtype=np.float32);"
        "q = s.quantize(m, a.bounds(a.replay(m, x)), s.Precision(8, 8, True, True));"
        "print(hashlib.sha256(q.SerializeToString(deterministic=True)).hexdigest())"
    )
    onnx.save(random_networks.exported(), tmp_path / "float.onnx")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "77"}
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == hashlib.sha256(serialized(quantized())).hexdigest()
    assert list(tmp_path.iterdir()) == [tmp_path / "float.onnx"]


def test_the_float_model_is_left_as_it_was():
    model = random_networks.exported()
    quantized(model=model)
    assert serialized(model) == serialized(random_networks.exported())


def test_a_channel_whose_weights_are_all_zero_keeps_its_bias():
    model = random_networks.exported()
    for tensor in model.graph.initializer:
        if tensor.name == "head.weight":
            weight = numpy_helper.to_array(tensor).copy()
            weight[2] = 0
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    bias = next(numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name == "head.bias")
    logits = predict(quantized(model=model), random_networks.images(8))
    np.testing.assert_allclose(logits[:, 2], bias[2], atol=0.01)


def test_what_has_no_integer_kernel_stays_float_and_is_counted():
    model = random_networks.exported()
    for node in model.graph.node:
        if node.op_type == "Clip":
            node.op_type = "HardSwish"
            del node.input[1:]
    kernels = integer_kernels.kernels(serialized(quantized(model=model)))
    assert sum(kernels.floating.values()) == 2
    assert 0.5 < kernels.integer_share < 1


def test_a_model_without_any_operator_to_quantize_is_refused():
    graph = helper.make_graph(
        [helper.make_node("Sin", ["input"], ["logits"])],
        "sine",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(ModelError, match=r"none of the model's operators \['Sin'\]"):
        quantized(model=model)
