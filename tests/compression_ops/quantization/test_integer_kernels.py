"""What runs on integers is what onnxruntime's optimized graph computes on them, by the types of its tensors."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compression_ops.quantization import activations, integer_kernels, qdq
from compression_ops.quantization.integer_kernels import Kernels
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import random_networks


def kernels(model: onnx.ModelProto) -> Kernels:
    ranges = activations.bounds(activations.replay(model, random_networks.images(32)))
    written = qdq.write(model, calibrated.mapping(model, ranges, Precision()))
    return integer_kernels.kernels(written.model.SerializeToString())


def with_clips(operator: str, bounds: tuple[float, float] | None = None) -> onnx.ModelProto:
    """The small network with another operator in the place of its ReLU6."""
    model = random_networks.exported()
    for node in model.graph.node:
        if node.op_type == "Clip":
            node.op_type = operator
            del node.input[1:]
            if bounds is not None:
                node.input.extend(["low", "high"])
    for name, bound in zip(("low", "high"), bounds or (), strict=False):
        model.graph.initializer.append(numpy_helper.from_array(np.float32(bound), name))
    return model


def test_what_has_no_integer_kernel_stays_float_and_is_counted() -> None:
    found = kernels(with_clips("HardSwish"))
    assert sum(found.floating.values()) == 2
    assert 0.5 < found.integer_share < 1


def test_a_clip_that_is_kept_runs_on_integers() -> None:
    found = kernels(with_clips("Clip", (0.3, 0.6)))
    assert found.integer["Clip"] == 1
    assert found.floating == {}


def chain(*nodes: onnx.NodeProto) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "chain",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 4, 4])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.float32(0.1), "scale"), numpy_helper.from_array(np.uint8(0), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model.SerializeToString()


def test_a_pooling_counts_by_the_type_of_what_it_pools() -> None:
    quantize = helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["q"])
    integers = helper.make_node("MaxPool", ["q"], ["p"], kernel_shape=[2, 2])
    dequantize = helper.make_node("DequantizeLinear", ["p", "scale", "zero"], ["output"])
    assert integer_kernels.kernels(chain(quantize, integers, dequantize)) == Kernels({"MaxPool": 1}, {})
    floats = helper.make_node("MaxPool", ["input"], ["output"], kernel_shape=[2, 2])
    assert integer_kernels.kernels(chain(floats)) == Kernels({}, {"MaxPool": 1})
