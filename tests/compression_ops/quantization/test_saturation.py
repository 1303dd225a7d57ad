"""A Relu or Clip goes only where the quantized range does the same; either way, values are those of the float node."""

import math
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper

from compression_ops.onnx_model import session
from compression_ops.quantization import activations, affine, integer_kernels, qdq, saturation
from compression_ops.quantization.affine import Affine, Integers
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.saturation import Bounds


def unsigned(low: float, high: float) -> Affine:
    return affine.asymmetric(torch.tensor(low), torch.tensor(high), Integers(0, 255))


def node(operator: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(operator, [name.strip() for name in inputs.split(",")], [output], **attributes)


def network(body: Sequence[NodeProto], tail: Sequence[NodeProto] = (), head: str = "logits") -> onnx.ModelProto:
    """A convolution `x` of the input, the body from `x` to `y`, a linear layer `head`, and the tail to `logits`."""
    random = np.random.default_rng(0)
    arrays = {
        "a": random.standard_normal((4, 1, 3, 3)) / 3,
        "a_bias": random.standard_normal(4) / 10,
        "b": random.standard_normal((4, 4, 3, 3)) / 6,
        "w": random.standard_normal((5, 144)) / 12,
        "w_bias": random.standard_normal(5) / 10,
        "channels": random.standard_normal((1, 4, 1, 1)),
        **{f"c{value}": np.array(value) for value in (-0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 1.0, 3.0, 6.0)},
    }
    nodes = [
        node("Conv", "input, a, a_bias", "x", pads=[1, 1, 1, 1]),
        *body,
        node("Flatten", "y", "flat"),
        node("Gemm", "flat, w, w_bias", head, transB=1),
        *tail,
    ]
    used = {name for each in nodes for name in each.input}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 6, 6])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items() if name in used],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def images(count: int = 200) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 1, 6, 6), dtype=np.float32)


def written(model: onnx.ModelProto) -> qdq.QdqModel:
    ranges = activations.bounds(activations.replay(model, images()))
    return qdq.write(model, calibrated.mapping(model, ranges, Precision()))


def run(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    return session.predict(session.open_session(model.SerializeToString()), inputs)


CLIPS = {
    "inside": "x, c0.1, c0.5",
    "above zero": "x, c0.3, c6.0",
    "below zero": "x, c-0.5, c-0.2",
    "about zero": "x, c-0.5, c0.5",
    "relu6": "x, c0.0, c6.0",
    "no upper bound": "x, c0.3",
    "no lower bound": "x, , c-0.1",
    "no lower bound above zero": "x, , c0.2",
    "one value": "x, c0.3, c0.3",
    "no bounds": "x",
}
BODIES = {
    **{f"clip {name}": [node("Clip", inputs, "y")] for name, inputs in CLIPS.items()},
    "relu": [node("Relu", "x", "y")],
    "relu then clip": [node("Relu", "x", "r"), node("Clip", "r, c0.3, c0.6", "y")],
    "clip then relu": [node("Clip", "x, c-0.5, c0.5", "r"), node("Relu", "r", "y")],
    "clip that two read": [
        node("Clip", "x, c0.2, c1.0", "k"),
        node("Conv", "k, b", "z", pads=[1, 1, 1, 1]),
        node("Add", "z, k", "y"),
    ],
    "clip of what another reads": [
        node("Clip", "x, c0.2, c1.0", "k"),
        node("Conv", "k, b", "z", pads=[1, 1, 1, 1]),
        node("Add", "z, x", "y"),
    ],
    "relu of what another reads": [
        node("Relu", "x", "k"),
        node("Conv", "k, b", "z", pads=[1, 1, 1, 1]),
        node("Add", "z, x", "y"),
    ],
    "clip of a sum": [
        node("Conv", "x, b", "z", pads=[1, 1, 1, 1]),
        node("Add", "z, x", "s"),
        node("Clip", "s, c-0.2, c0.6", "y"),
    ],
    "clip of a pooling": [node("MaxPool", "x", "p", kernel_shape=[3, 3], pads=[1] * 4), node("Clip", "p, c0.3", "y")],
    "relu of a pooling": [node("MaxPool", "x", "p", kernel_shape=[3, 3], pads=[1] * 4), node("Relu", "p", "y")],
    "clip of a transposition": [node("Transpose", "x", "p", perm=[0, 1, 3, 2]), node("Clip", "p, c0.1, c0.6", "y")],
    "clip of the input": [node("Clip", "input, c0.3, c1.0", "k"), node("Concat", "k, k, k, k", "y", axis=1)],
    "bounds of constant nodes": [
        helper.make_node("Constant", [], ["low"], value=numpy_helper.from_array(np.float32(0.3))),
        helper.make_node("Constant", [], ["high"], value_float=0.6),
        node("Clip", "x, low, high", "y"),
    ],
    "bounds that are computed": [
        node("ReduceMax", "x", "high", keepdims=0),
        node("Mul", "high, c0.1", "low"),
        node("Clip", "x, low, high", "y"),
    ],
    "hard sigmoid": [node("HardSigmoid", "x", "y", alpha=1 / 6)],
    "hard swish": [node("HardSwish", "x", "y")],
    "leaky relu": [node("LeakyRelu", "x", "y", alpha=0.1)],
    "sigmoid": [node("Sigmoid", "x", "y")],
    "half x": [node("Mul", "c0.5, x", "y")],
    "x half": [node("Mul", "x, c0.5", "y")],
    "x times channels": [node("Mul", "x, channels", "y")],
    "channels plus x": [node("Add", "channels, x", "y")],
    "x plus three": [node("Add", "x, c3.0", "y")],
    "one minus x": [node("Sub", "c1.0, x", "y")],
    "x over three": [node("Div", "x, c3.0", "y")],
    "x or 0.3": [node("Max", "x, c0.3", "y")],
}


@pytest.mark.parametrize("body", BODIES)
def test_quantized_values_are_those_of_the_float_network(body: str) -> None:
    """Each tensor to 6 % of its norm, logits to 3 % of their range: an error of half a step of 8 bits, propagated."""
    model = network(BODIES[body])
    found = written(model)
    twins = next(activations.replay(model, images(), 200)())
    probed = onnx.ModelProto.FromString(found.model.SerializeToString())
    names = [name for name in found.tensors if name != "logits"]
    probed.graph.output.extend(
        helper.make_tensor_value_info(found.tensors[name], TensorProto.FLOAT, None) for name in names
    )
    values = session.open_session(probed.SerializeToString()).run(None, {"input": images()})
    for name, value in zip(["logits", *names], values, strict=True):
        error = np.linalg.norm(np.asarray(value) - twins[name]) / np.linalg.norm(twins[name])
        assert error < 0.06, f"{name} differs by {error}"
    assert np.abs(np.asarray(values[0]) - twins["logits"]).max() < 0.03 * np.ptp(twins["logits"])


TAILS = {
    "relu": [node("Relu", "head", "logits")],
    "clip": [node("Clip", "head, c-0.5, c0.5", "logits")],
    "clip above zero": [node("Clip", "head, c0.1", "logits")],
    "relu and clip": [node("Relu", "head", "r"), node("Clip", "r, c0.1, c0.6", "logits")],
    "sigmoid": [node("Sigmoid", "head", "logits")],
    "product": [node("Mul", "c3.0, head", "logits")],
}


@pytest.mark.parametrize("tail", TAILS)
def test_what_the_logits_pass_last_is_not_lost(tail: str) -> None:
    model = network([node("Relu", "x", "y")], TAILS[tail], head="head")
    expected, found = run(model, images()), run(written(model).model, images())
    # A part of the range is cut off: the error of the linear layer is relative to its own range.
    whole = next(activations.replay(model, images(), 200)())["head"]
    assert np.abs(found - expected).max() < 0.03 * max(float(np.ptp(whole)), float(np.ptp(expected)))


@pytest.mark.parametrize("tail", ["relu", "clip", "relu and clip"])
def test_limited_logits_are_float_and_not_256_levels(tail: str) -> None:
    found = run(written(network([node("Relu", "x", "y")], TAILS[tail], head="head")).model, images(1000))
    assert len(np.unique(found)) > 512


@pytest.mark.parametrize("attributes", [{"alpha": 0.5}, {"beta": 2.0}, {"alpha": 0.5, "beta": 2.0}], ids=str)
def test_the_factors_of_a_gemm_are_not_lost(attributes: dict[str, float]) -> None:
    model = network([node("Relu", "x", "y")])
    (gemm,) = (each for each in model.graph.node if each.op_type == "Gemm")
    gemm.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    expected = run(model, images())
    assert np.abs(run(written(model).model, images()) - expected).max() < 0.03 * np.ptp(expected)


@pytest.mark.parametrize("body", ["relu", "clip relu6", "clip about zero", "relu of a pooling", "clip no bounds"])
def test_what_the_range_performs_leaves_no_node(body: str) -> None:
    kernels = integer_kernels.kernels(written(network(BODIES[body])).model.SerializeToString())
    assert kernels.floating == {}
    assert "Clip" not in kernels.integer


@pytest.mark.parametrize("body", ["clip above zero", "clip below zero", "relu then clip", "clip of a pooling"])
def test_what_the_range_does_not_perform_is_kept_on_integers(body: str) -> None:
    kernels = integer_kernels.kernels(written(network(BODIES[body])).model.SerializeToString())
    assert kernels.floating == {}
    assert kernels.integer["Clip"] == 1


finite = st.floats(-2, 2, width=32)


@settings(deadline=None, max_examples=60)
@given(
    bounds=st.tuples(st.none() | finite, st.none() | finite),
    span=st.tuples(finite, finite).filter(lambda span: span[0] + 0.01 < span[1]),
)
def test_with_any_range_the_integers_are_those_of_the_clipped_values(
    bounds: tuple[float | None, float | None], span: tuple[float, float]
) -> None:
    """A range as a method might learn it, narrower or wider than the bounds: to one step, where a float ties."""
    low, high = bounds if None in bounds else sorted(bounds)
    given = {"low": low, "high": high}
    names = [name if bound is not None else "" for name, bound in given.items()]
    scalars = [numpy_helper.from_array(np.float32(bound), name) for name, bound in given.items() if bound is not None]
    graph = helper.make_graph(
        [
            node("Gemm", "input, w", "x"),
            helper.make_node("Clip", ["x", *names], ["y"]),
            node("Gemm", "y, w", "logits"),
        ],
        "network",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w"), *scalars],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    ranges = {"input": (-4.0, 4.0), "x": (-4.0, 4.0), "y": span, "logits": (-4.0, 4.0)}
    mapping = calibrated.mapping(model, ranges, Precision())
    inputs = np.linspace(-4, 4, 400, dtype=np.float32).reshape(200, 2)
    rounded = affine.fake_quantize(torch.from_numpy(inputs), mapping.activations["input"])
    expected = affine.fake_quantize(rounded.clamp(low, high) if bounds != (None, None) else rounded, unsigned(*span))
    found = run(qdq.write(model, mapping).model, inputs)
    np.testing.assert_allclose(found, expected, atol=float(unsigned(*span).scale) * 1.01)


@pytest.mark.parametrize(
    ("bounds", "span", "performed"),
    [
        (Bounds(0, math.inf), (0, 3), True),
        (Bounds(0, math.inf), (0.5, 3), True),
        (Bounds(0, math.inf), (-0.1, 3), False),
        (Bounds(0, 6), (0, 6), True),
        (Bounds(0, 6), (0, 5), True),
        (Bounds(0, 6), (0, 7), False),
        (Bounds(0.3, 6), (0.3, 6), False),
        (Bounds(-6, -0.1), (-6, -0.1), False),
        (Bounds(-0.5, 0.5), (-0.5, 0.5), True),
        (Bounds(-0.5, 0.5), (-0.4, 0.1), True),
        (Bounds(-0.5, 0.5), (-0.6, 0.4), False),
        (Bounds(-math.inf, math.inf), (-9, 9), True),
    ],
)
def test_a_range_performs_a_clip_if_it_lies_within_the_bounds(
    bounds: Bounds, span: tuple[float, float], performed: bool
) -> None:
    assert saturation.performed(bounds, unsigned(*span)) is performed


@given(low=st.floats(-5, -0.01), high=st.floats(0.01, 5))
def test_a_clip_is_performed_by_the_range_of_its_own_bounds(low: float, high: float) -> None:
    """Though an end of the range is rounded to a step."""
    assert saturation.performed(Bounds(low, high), unsigned(low, high))


def test_bounds_of_old_graphs_stand_in_attributes() -> None:
    clip = helper.make_node("Clip", ["x"], ["y"], min=0.5, max=2.0)
    assert saturation.bounds(clip, {}) == Bounds(0.5, 2.0)


def test_bounds_that_cross_or_are_computed_are_unknown() -> None:
    clip = helper.make_node("Clip", ["x", "low", "high"], ["y"])
    assert saturation.bounds(clip, {"low": 1.0, "high": 0.0}) is None
    assert saturation.bounds(clip, {"low": 1.0}) is None
    assert saturation.bounds(clip, {"low": 0.0, "high": 1.0}) == Bounds(0.0, 1.0)


def test_what_only_a_clip_reads_takes_its_range_and_nothing_else_does() -> None:
    graph = network(BODIES["clip of a pooling"]).graph
    mapping = {name: unsigned(-4.0, 4.0) for name in ("input", "x", "p", "flat", "logits")} | {"y": unsigned(0.3, 1.0)}
    narrowed = saturation.narrowed(graph, mapping)
    assert {name for name, found in narrowed.items() if found is mapping["y"]} == {"x", "p", "y"}
    shared = network(BODIES["clip of what another reads"]).graph
    assert saturation.narrowed(shared, mapping | {"k": unsigned(0.2, 1.0)})["x"] is mapping["x"]


def test_the_mapping_is_left_as_it_was() -> None:
    model = network(BODIES["clip above zero"])
    ranges = activations.bounds(activations.replay(model, images()))
    mapping = calibrated.mapping(model, ranges, Precision())
    before = QuantizationMapping(dict(mapping.weights), dict(mapping.activations))
    qdq.write(model, mapping)
    assert mapping == before
