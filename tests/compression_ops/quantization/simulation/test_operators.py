"""Each operator's values are those of onnxruntime, on graphs that real networks export to and on hand-made nodes."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from compression_ops.quantization.simulation.operators import OPERATORS

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)
POSITIVE = np.abs(IMAGES) + 0.1


def whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


# operator, attributes, inputs
CASES: list[tuple[str, dict[str, Any], list[np.ndarray]]] = [
    ("Conv", {"pads": [1, 0, 2, 1], "strides": [2, 1]}, [IMAGES, weight(8, 4, 3, 3), weight(8)]),
    ("Conv", {"pads": [1, 1, 1, 1], "dilations": [2, 1], "group": 2}, [IMAGES, weight(8, 2, 3, 3)]),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [IMAGES, weight(8, 4, 3, 3)]),
    ("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, [IMAGES, weight(8, 4, 2, 2)]),
    (
        "ConvTranspose",
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        [IMAGES, weight(4, 3, 3, 3), weight(3)],
    ),
    ("Gemm", {"alpha": 0.5, "beta": 2.0, "transA": 1}, [weight(5, 3), weight(5, 4), weight(4)]),
    ("Gemm", {"transB": 1}, [weight(3, 5), weight(4, 5), weight(4)]),
    ("MatMul", {}, [IMAGES, weight(6, 5)]),
    ("Add", {}, [IMAGES, weight(4, 1, 1)]),
    ("Sub", {}, [IMAGES, weight(6)]),
    ("Mul", {}, [IMAGES, weight(6)]),
    ("Div", {}, [IMAGES, POSITIVE]),
    ("Div", {}, [whole(7, -7), whole(2, 2)]),
    ("Pow", {}, [POSITIVE, np.array(1.5, np.float32)]),
    ("Max", {}, [IMAGES, weight(6), weight(1)]),
    ("Min", {}, [IMAGES, weight(6)]),
    ("Greater", {}, [IMAGES, weight(6)]),
    ("Less", {}, [IMAGES, weight(6)]),
    ("Equal", {}, [whole(1, 2), whole(1, 3)]),
    ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]}, [IMAGES]),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "dilations": [2, 2]}, [IMAGES]),
    ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, [IMAGES]),
    ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 0, 0], "count_include_pad": 1}, [IMAGES]),
    ("GlobalAveragePool", {}, [IMAGES]),
    ("GlobalMaxPool", {}, [IMAGES]),
    ("Clip", {}, [IMAGES, np.array(-0.3, np.float32), np.array(0.6, np.float32)]),
    *((name, {}, [IMAGES]) for name in ("Relu", "Selu", "Gelu", "Erf", "Sigmoid", "HardSwish", "Mish", "Softplus")),
    *((name, {}, [IMAGES]) for name in ("Softsign", "Tanh", "Exp", "Abs", "Neg", "Sin", "Cos", "Identity", "Shape")),
    *((name, {}, [POSITIVE]) for name in ("Log", "Sqrt", "Reciprocal")),
    ("LeakyRelu", {"alpha": 0.2}, [IMAGES]),
    ("PRelu", {}, [IMAGES, weight(4, 1, 1)]),
    ("Elu", {"alpha": 0.7}, [IMAGES]),
    ("Gelu", {"approximate": "tanh"}, [IMAGES]),
    ("HardSigmoid", {"alpha": 1 / 6}, [IMAGES]),
    ("Softmax", {"axis": 1}, [IMAGES]),
    ("LogSoftmax", {}, [IMAGES]),
    ("LayerNormalization", {"axis": -2, "epsilon": 1e-3}, [IMAGES, weight(6, 6), weight(6, 6)]),
    ("GroupNormalization", {"num_groups": 2}, [IMAGES, weight(4), weight(4)]),
    ("InstanceNormalization", {}, [IMAGES, weight(4), weight(4)]),
    ("BatchNormalization", {"epsilon": 1e-3}, [IMAGES, weight(4), weight(4), weight(4), np.abs(weight(4))]),
    ("Reshape", {}, [IMAGES, whole(0, -1, 9)]),
    ("Flatten", {}, [IMAGES]),
    ("Flatten", {"axis": 2}, [IMAGES]),
    ("Flatten", {"axis": 0}, [IMAGES]),
    ("Transpose", {"perm": [0, 2, 3, 1]}, [IMAGES]),
    ("Transpose", {}, [IMAGES]),
    ("Squeeze", {}, [IMAGES[:1, :, :1], whole(0, 2)]),
    ("Unsqueeze", {}, [IMAGES, whole(-1, 1)]),
    ("Concat", {"axis": 1}, [IMAGES, IMAGES]),
    ("Slice", {}, [IMAGES, whole(1, -1), whole(1000, -1000), whole(1, -1), whole(2, -2)]),
    ("Slice", {}, [IMAGES, whole(0, 1), whole(1, 3)]),
    ("Gather", {"axis": 2}, [IMAGES, whole(-1, 0, 2)]),
    ("Gather", {"axis": 1}, [IMAGES, np.array(3, np.int64)]),
    ("Expand", {}, [weight(4, 1, 1), whole(2, 1, 6, 6)]),
    ("Tile", {}, [weight(4, 3), whole(2, 3)]),
    ("Pad", {}, [IMAGES, whole(0, 1, 1, 0, 0, 0, 2, 1), np.array(0.5, np.float32)]),
    ("Pad", {"mode": "reflect"}, [IMAGES, whole(0, 0, 1, 2, 0, 0, 2, 1)]),
    ("Pad", {"mode": "edge"}, [IMAGES, whole(0, 0, 1, 2, 0, 0, 2, 1)]),
    ("DepthToSpace", {"blocksize": 2}, [IMAGES]),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, [IMAGES]),
    ("ReduceMean", {}, [IMAGES, whole(1, -1)]),
    ("ReduceMean", {"keepdims": 0}, [IMAGES]),
    ("ReduceSum", {"keepdims": 0}, [IMAGES, whole(2, 3)]),
    ("ReduceMax", {}, [IMAGES, whole(1)]),
    ("ReduceMin", {}, [IMAGES, whole(1)]),
    ("ReduceL2", {}, [IMAGES, whole(1)]),
    ("Cast", {"to": TensorProto.FLOAT}, [whole(1, 2)]),
    ("Range", {}, [np.array(1, np.int64), np.array(9, np.int64), np.array(3, np.int64)]),
    ("ConstantOfShape", {"value": numpy_helper.from_array(whole(7))}, [whole(2, 3)]),
    ("Where", {}, [IMAGES > 0, IMAGES, weight(6)]),
    ("Split", {"axis": 1, "num_outputs": 2}, [IMAGES]),
]


def by_onnxruntime(operator: str, attributes: dict[str, Any], inputs: list[np.ndarray]) -> list[np.ndarray]:
    names = [f"x{number}" for number in range(len(inputs))]
    outputs = ["y", "z"][: attributes.get("num_outputs", 1)]
    graph = helper.make_graph(
        [helper.make_node(operator, names, outputs, **attributes)],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape)
            for name, each in zip(names, inputs, strict=True)
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = ort.InferenceSession(onnx.shape_inference.infer_shapes(model).SerializeToString())
    return [np.asarray(found) for found in session.run(None, dict(zip(names, inputs, strict=True)))]


def by_torch(operator: str, attributes: dict[str, Any], inputs: list[np.ndarray]) -> list[np.ndarray]:
    given = {
        name: numpy_helper.to_array(value).copy() if isinstance(value, TensorProto) else value
        for name, value in attributes.items()
    }
    found = OPERATORS[operator](given, *(torch.from_numpy(np.array(each)) for each in inputs))
    return [each.numpy() for each in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize(("operator", "attributes", "inputs"), CASES, ids=[case[0] for case in CASES])
def test_an_operator_computes_what_onnxruntime_computes(
    operator: str, attributes: dict[str, Any], inputs: list[np.ndarray]
) -> None:
    expected, found = (compute(operator, attributes, inputs) for compute in (by_onnxruntime, by_torch))
    for one, other in zip(expected, found, strict=True):
        assert (other.dtype, other.shape) == (one.dtype, one.shape)
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-5)


def test_every_operator_is_compared() -> None:
    assert {case[0] for case in CASES} == OPERATORS.keys()
