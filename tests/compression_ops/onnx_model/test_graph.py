"""A minimal graph computes what the original does, from fewer bytes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compression_ops.errors import ModelError
from compression_ops.onnx_model import graph as onnx_graph
from compression_ops.onnx_model import session


def model(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], shape: list[int], out: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "original",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch"] + [None] * (out - 1))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
        doc_string="written at midnight",
    )
    result = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="someone"
    )
    helper.set_model_props(result, {"path": "/somewhere"})
    return result


def outputs(proto: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    return session.predict(session.open_session(proto.SerializeToString()), inputs)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_mean_over_the_image_becomes_a_global_average(axes: list[int], keepdims: int) -> None:
    node = helper.make_node("ReduceMean", ["input", "axes"], ["logits"], keepdims=keepdims)
    original = model([node], {"axes": np.array(axes, np.int64)}, [3, 4, 5], 4 if keepdims else 2)
    minimal = onnx_graph.minimal(original)
    assert minimal.graph.node[0].op_type == "GlobalAveragePool"
    np.testing.assert_allclose(outputs(minimal, random(2, 3, 4, 5)), outputs(original, random(2, 3, 4, 5)), rtol=1e-6)


@pytest.mark.parametrize("axes", [[1], [1, 2, 3], [3]])
def test_a_mean_over_other_axes_stays(axes: list[int]) -> None:
    node = helper.make_node("ReduceMean", ["input", "axes"], ["logits"])
    minimal = onnx_graph.minimal(model([node], {"axes": np.array(axes, np.int64)}, [3, 4, 5], 4))
    assert [node.op_type for node in minimal.graph.node] == ["ReduceMean"]


def test_only_a_reshape_that_flattens_each_sample_becomes_a_flatten() -> None:
    for target, expected in (([-1, 60], "Flatten"), ([-1, 30], "Reshape"), ([-1, 3, 20], "Reshape")):
        node = helper.make_node("Reshape", ["input", "shape"], ["logits"])
        minimal = onnx_graph.minimal(model([node], {"shape": np.array(target, np.int64)}, [3, 4, 5], len(target)))
        assert minimal.graph.node[0].op_type == expected


def test_attributes_that_say_the_default_are_dropped_and_others_kept() -> None:
    attributes = {"group": 1, "auto_pad": "NOTSET", "strides": [1, 1], "pads": [0, 1, 0, 1], "dilations": [1, 1]}
    node = helper.make_node(
        "Conv", ["input", "w"], ["logits"], name="long name", doc_string="from file x", **attributes
    )
    original = model([node], {"w": random(2, 3, 3, 3)}, [3, 6, 6], 4)
    minimal = onnx_graph.minimal(original)
    assert [attribute.name for attribute in minimal.graph.node[0].attribute] == ["pads"]
    np.testing.assert_array_equal(outputs(minimal, random(2, 3, 6, 6)), outputs(original, random(2, 3, 6, 6)))


def test_nothing_tells_who_made_the_model_and_where() -> None:
    node = helper.make_node("Relu", ["input"], ["logits"], name="long name", doc_string="from file x")
    minimal = onnx_graph.minimal(model([node], {"unused": random(100)}, [3], 2))
    assert not minimal.metadata_props
    assert not minimal.graph.doc_string
    assert not minimal.graph.initializer
    assert minimal.graph.node[0].name == "Relu_0"
    assert b"file x" not in minimal.SerializeToString()
    assert onnx_graph.minimal(minimal, node_names=False).graph.node[0].name == ""


def test_scalars_stay_scalars() -> None:
    node = helper.make_node("Clip", ["input", "low", "high"], ["logits"])
    original = model([node], {"low": np.array(0, np.float32), "high": np.array(6, np.float32)}, [3], 2)
    assert [list(tensor.dims) for tensor in onnx_graph.minimal(original).graph.initializer] == [[], []]


def test_a_graph_that_is_no_valid_onnx_is_refused() -> None:
    node = helper.make_node("Relu", ["input"], ["logits"], slope=0.1)
    with pytest.raises(ModelError, match="not valid ONNX"):
        onnx_graph.minimal(model([node], {}, [3], 2))
