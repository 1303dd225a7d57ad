"""One convolution that is applied again and again, as in a CoaT: its weight and its bias are those of several nodes."""

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import session
from compression_ops.quantization import activations, qdq
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision

TIMES = 3
TENSORS = ("input", *(f"{kind}{number}" for number in range(TIMES) for kind in ("sum", "relu")))
IMAGES = np.random.default_rng(1).standard_normal((32, 4, 6, 6), dtype=np.float32)


def network() -> onnx.ModelProto:
    random = np.random.default_rng(0)
    shapes = {"weight": (4, 4, 3, 3), "bias": (4,), "head": (4, 5)}
    arrays = {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    nodes, last = list[onnx.NodeProto](), "input"
    for number in range(TIMES):
        names = [f"sum{number}", f"relu{number}"]
        nodes.append(helper.make_node("Conv", [last, "weight", "bias"], [names[0]], f"conv{number}", pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [names[0]], [names[1]], f"relu{number}"))
        last = names[1]
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["pooled"], "pool"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"))
    nodes.append(helper.make_node("MatMul", ["flat", "head"], ["logits"], "product"))
    ends = [helper.make_tensor_value_info(*end) for end in (("input", 1, ["N", 4, 6, 6]), ("logits", 1, ["N", 5]))]
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "again", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("left", itertools.chain.from_iterable(itertools.combinations(TENSORS, n) for n in range(3)))
def test_some_of_its_nodes_may_stay_float(left: tuple[str, ...]) -> None:
    """The node that writes or reads a tensor that the mapping leaves out; their bias is stored once, as it is."""
    model = network()
    whole = calibrated.mapping(model, activations.bounds(activations.replay(model, IMAGES)), Precision())
    part = {name: affine for name, affine in whole.activations.items() if name not in left}
    written = qdq.write(model, QuantizationMapping(whole.weights, part)).model
    expected, found = (
        session.predict(session.open_session(each.SerializeToString()), IMAGES) for each in (model, written)
    )
    assert np.abs(found - expected).max() < 0.05 * np.ptp(expected)
    biases = [tensor for tensor in written.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    (stored,) = (each for each in map(numpy_helper.to_array, model.graph.initializer) if each.shape == (4,))
    assert any(np.array_equal(numpy_helper.to_array(tensor), stored) for tensor in biases)
