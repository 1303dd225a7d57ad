"""Quantized models run on integers, close to the float model, and their bytes are few and always the same."""

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from compression_ops.errors import ModelError
from compression_ops.onnx_model import session
from compression_ops.quantization import activations, affine, integer_graph, integer_kernels, qdq
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import WEIGHT_BITS, Precision
from tests.compression_ops import random_networks

REPOSITORY = Path(__file__).resolve().parents[3]
USUAL = Precision()
EACH = [
    Precision(weight_bits=weight_bits, activation_bits=activation_bits, per_channel=per_channel, reduce_range=reduced)
    for weight_bits, activation_bits, per_channel, reduced in itertools.product(
        WEIGHT_BITS, (4, 6, 8), (True, False), (True, False)
    )
]


def quantized(precision: Precision = USUAL, model: onnx.ModelProto | None = None) -> onnx.ModelProto:
    model = model or random_networks.exported()
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    images = np.random.default_rng(0).standard_normal((32, *shape), dtype=np.float32)
    ranges = activations.bounds(activations.replay(model, images))
    return qdq.write(model, calibrated.mapping(model, ranges, precision)).model


def serialized(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


def predict(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    return session.predict(session.open_session(serialized(model)), images)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.ptp(expected))


@pytest.mark.parametrize("precision", EACH, ids=str)
def test_every_precision_that_a_recipe_can_choose_runs_on_integers(precision: Precision) -> None:
    kernels = integer_kernels.kernels(serialized(quantized(precision)))
    assert kernels.floating == {}
    assert kernels.integer["QLinearConv"] == 3
    assert kernels.integer["QGemm"] == 1
    assert kernels.integer_share == 1


@pytest.mark.parametrize(("bits", "bound"), [(8, 0.03), (4, 0.3)])
def test_the_quantized_logits_are_close_to_the_float_ones(bits: int, bound: float) -> None:
    images = random_networks.images(50, seed=3)
    expected = predict(random_networks.exported(), images)
    assert relative_error(predict(quantized(Precision(weight_bits=bits)), images), expected) < bound


def test_nothing_is_lost_against_the_tool_that_places_the_integers(tmp_path: Path) -> None:
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


def test_four_bits_halve_the_weights() -> None:
    eight, four = (
        {tensor.name: tensor for tensor in quantized(Precision(weight_bits=bits)).graph.initializer} for bits in (8, 4)
    )
    for name in ("first.weight", "second.weight", "third.weight", "head.weight"):
        assert four[name].data_type == TensorProto.INT4
        assert len(four[name].raw_data) == (len(eight[name].raw_data) + 1) // 2
        assert np.abs(numpy_helper.to_array(four[name]).astype(int)).max() == 7


@pytest.mark.parametrize(("reduce_range", "largest"), [(True, 64), (False, 127)])
def test_a_reduced_range_keeps_the_weights_within_64(reduce_range: bool, largest: int) -> None:
    model = quantized(Precision(reduce_range=reduce_range))
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


def test_the_largest_possible_sum_is_exact_with_a_reduced_range() -> None:
    mapping = calibrated.mapping(wide_sum(), {"input": (0.0, 1.0), "logits": (0.0, 64.0)}, USUAL)
    model = qdq.write(wide_sum(), mapping).model
    np.testing.assert_allclose(predict(model, np.ones((1, 64), np.float32)), 64, rtol=1e-5)


def test_the_logits_are_float_and_not_256_levels() -> None:
    logits = predict(quantized(), random_networks.images(400, seed=5))
    assert len(np.unique(logits)) > 1000


def test_compaction_changes_no_integer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tool gave and what we store differ by the rounding of the logits to 8 bits alone, half a step."""
    kept: list[onnx.ModelProto] = []
    original = integer_graph.compact

    def compact(
        tool: onnx.ModelProto, source: onnx.ModelProto, bits: Mapping[str, int], int4: bool
    ) -> tuple[onnx.ModelProto, dict[str, str]]:
        kept.append(onnx.ModelProto.FromString(tool.SerializeToString()))
        return original(tool, source, bits, int4)

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


def test_the_file_holds_integers_short_names_and_little_else() -> None:
    model = quantized()
    values = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    assert len(serialized(model)) - values < 2000
    assert not any(node.name or node.doc_string for node in model.graph.node)
    floats = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1]
    assert not floats
    contents = [(tuple(t.dims), t.data_type, t.raw_data) for t in model.graph.initializer]
    assert len(set(contents)) == len(contents)


def test_bytes_are_the_same_in_another_process_folder_and_hash_seed(tmp_path: Path) -> None:
    script = (
        "import hashlib, numpy as np, onnx; from pathlib import Path;"
        "from compression_ops.quantization import activations as a, qdq;"
        "from compression_ops.quantization.methods import calibrated as c;"
        "from compression_ops.quantization.precision import Precision;"
        "m = onnx.load('float.onnx');"
        "x = np.random.default_rng(0).standard_normal((32, 1, 12, 12), dtype=np.float32);"
        "q = qdq.write(m, c.mapping(m, a.bounds(a.replay(m, x)), Precision())).model;"
        "print(hashlib.sha256(q.SerializeToString(deterministic=True)).hexdigest())"
    )
    onnx.save(random_networks.exported(), tmp_path / "float.onnx")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "77"}
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == hashlib.sha256(serialized(quantized())).hexdigest()
    assert list(tmp_path.iterdir()) == [tmp_path / "float.onnx"]


def test_the_float_model_is_left_as_it_was() -> None:
    model = random_networks.exported()
    quantized(model=model)
    assert serialized(model) == serialized(random_networks.exported())


def test_a_channel_whose_weights_are_all_zero_keeps_its_bias() -> None:
    model = random_networks.exported()
    for tensor in model.graph.initializer:
        if tensor.name == "head.weight":
            weight = numpy_helper.to_array(tensor).copy()
            weight[2] = 0
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    bias = next(numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name == "head.bias")
    logits = predict(quantized(model=model), random_networks.images(8))
    np.testing.assert_allclose(logits[:, 2], bias[2], atol=0.01)


def test_a_model_without_any_operator_to_quantize_is_refused() -> None:
    graph = helper.make_graph(
        [helper.make_node("Sin", ["input"], ["logits"])],
        "sine",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(ModelError, match=r"none of the model's operators \['Sin'\]"):
        quantized(model=model)


def test_a_tensor_that_the_mapping_leaves_out_stays_float() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    whole = calibrated.mapping(model, ranges, USUAL)
    part = QuantizationMapping({k: v for k, v in whole.weights.items() if k != "head.weight"}, whole.activations)
    stored = {tensor.name: tensor.data_type for tensor in qdq.write(model, part).model.graph.initializer}
    assert stored["head.weight"] == TensorProto.FLOAT
    assert stored["third.weight"] == TensorProto.INT8


def test_weights_of_four_and_of_eight_bits_stand_in_one_model() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    eight, four = (calibrated.mapping(model, ranges, Precision(weight_bits=bits)) for bits in (8, 4))
    mixed = QuantizationMapping({**eight.weights, "third.weight": four.weights["third.weight"]}, eight.activations)
    written = qdq.write(model, mixed).model
    stored = {tensor.name: tensor.data_type for tensor in written.graph.initializer}
    assert stored["third.weight"] == TensorProto.INT4
    assert stored["second.weight"] == TensorProto.INT8
    assert integer_kernels.kernels(serialized(written)).integer_share == 1


@pytest.mark.parametrize(
    ("part", "name", "wrong"),
    [
        ("activations", "input", affine.integers(8, signed=True)),
        ("activations", "input", affine.integers(9, signed=False)),
        ("weights", "head.weight", affine.integers(9, signed=True)),
    ],
)
def test_a_mapping_that_the_8_bit_operators_cannot_express_is_refused(
    part: str, name: str, wrong: affine.Integers
) -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(4)))
    mapping = calibrated.mapping(model, ranges, USUAL)
    changed = {**getattr(mapping, part), name: affine.symmetric(torch.tensor(-1.0), torch.tensor(1.0), wrong)}
    with pytest.raises(ValueError, match=f"'{name}' maps to"):
        qdq.write(model, replace(mapping, **{part: changed}))


def test_the_tensors_of_the_model_are_known_by_their_names_in_the_float_model() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    written = qdq.write(model, calibrated.mapping(model, ranges, USUAL))
    removed = {node.input[0] for node in model.graph.node if node.op_type in ("Relu", "Clip")}
    computed = {name for node in model.graph.node for name in node.output}
    assert written.tensors.keys() == (computed | {"input"}) - removed
    assert written.tensors["logits"] == "logits"
    assert {name for node in written.model.graph.node for name in node.output} >= set(written.tensors.values())
