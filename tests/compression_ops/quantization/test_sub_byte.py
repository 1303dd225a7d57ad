"""Weights of 2 to 7 bits are those of the definition, in every opset, and run on integers as those of 8 do."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import opset
from compression_ops.quantization import activations, integer_kernels, qdq
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks


def serialized(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


def stored_integers(model: onnx.ModelProto, names: Collection[str]) -> dict[str, np.ndarray]:
    """What onnxruntime computes of the packed weights, without any optimization."""
    watched = onnx.ModelProto.FromString(serialized(model))
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    running = ort.InferenceSession(serialized(watched), options, providers=["CPUExecutionProvider"])
    values = running.run(list(names), {"input": random_networks.images(1)})
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("version", [15, 18, 21])
def test_weights_of_any_width_are_those_of_the_definition_in_every_opset(bits: int, version: int) -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=bits))
    written = opset.lowered(qdq.write(model, mapping, int4=False).model, version)
    floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    names = ["first.weight", "second.weight", "third.weight", "head.weight"]
    for name, found in stored_integers(written, names).items():
        weight = floats[name]
        largest = np.abs(weight).reshape(len(weight), -1).max(1).reshape(-1, *[1] * (weight.ndim - 1))
        levels = 2 ** (bits - 1) - 1
        np.testing.assert_array_equal(found, np.rint(weight / (largest / levels).astype(np.float32)), err_msg=name)
    assert integer_kernels.kernels(serialized(written)).integer_share == 1
    sizes = [len(t.raw_data) for t in written.graph.initializer if t.data_type == TensorProto.UINT8 and len(t.dims) > 1]
    assert sizes == [-(-sum(floats[name].size for name in names) // 8) * bits]


def test_each_width_of_a_mixed_model_is_stored_once_and_told() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    by_bits = {bits: calibrated.mapping(model, ranges, Precision(weight_bits=bits)) for bits in (2, 3, 4, 8)}
    bits = {"first.weight": 8, "second.weight": 3, "third.weight": 2, "head.weight": 4}
    mixed = replace(by_bits[8], weights={name: by_bits[width].weights[name] for name, width in bits.items()})
    written = qdq.write(model, mixed)
    assert dict(written.storage) == {
        "first.weight": "int8",
        "second.weight": "packed in 3 bits",
        "third.weight": "packed in 2 bits",
        "head.weight": "int4",
    }
    assert integer_kernels.kernels(serialized(written.model)).integer_share == 1


def test_scales_that_were_learned_clip_and_integers_that_are_given_are_kept() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=3))
    halved = replace(mapping.weights["second.weight"], scale=mapping.weights["second.weight"].scale / 2)
    given = torch.ones(mapping_shape(model, "third.weight"), dtype=torch.int32)
    changed = replace(mapping, weights={**mapping.weights, "second.weight": halved}, rounded={"third.weight": given})
    found = stored_integers(qdq.write(model, changed).model, ["second.weight", "third.weight"])
    assert int(np.abs(found["second.weight"].astype(int)).max()) == 3
    assert (np.abs(found["second.weight"]) == 3).mean() > 0.1
    assert (found["third.weight"] == 1).all()


def test_a_scale_that_is_widened_for_its_bias_keeps_to_the_width() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=3))
    learned = mapping.weights["head.weight"]
    tiny = torch.where(torch.arange(len(learned.scale)) == 0, 1e-7, learned.scale / 2)
    changed = replace(mapping, weights={**mapping.weights, "head.weight": replace(learned, scale=tiny)})
    for tensor in model.graph.initializer:
        if tensor.name == "head.bias":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 100, "head.bias"))
    found = stored_integers(qdq.write(model, changed).model, ["head.weight"])["head.weight"]
    assert int(np.abs(found[1:].astype(int)).max()) == 3
    # The wider step is too coarse for what the narrow one could stand for.
    assert int(np.abs(found[0].astype(int)).max()) <= 1


def mapping_shape(model: onnx.ModelProto, name: str) -> tuple[int, ...]:
    return next(tuple(tensor.dims) for tensor in model.graph.initializer if tensor.name == name)


def test_given_integers_beyond_the_width_are_refused() -> None:
    model = random_networks.exported()
    ranges = activations.bounds(activations.replay(model, random_networks.images(4)))
    mapping = calibrated.mapping(model, ranges, Precision(weight_bits=3))
    given = torch.full(mapping_shape(model, "third.weight"), 4, dtype=torch.int32)
    with pytest.raises(ValueError, match=r"'third\.weight' is rounded to 4 to 4"):
        qdq.write(model, replace(mapping, rounded={"third.weight": given}))
