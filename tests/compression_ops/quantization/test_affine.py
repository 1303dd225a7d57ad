"""The affine quantizer gives the integers of onnxruntime's operators and the values of torch's fake_quantize."""

from functools import cache

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

from compression_ops.quantization import affine as quantizer
from compression_ops.quantization.affine import Affine, Integers

TYPES = {
    "int8": (TensorProto.INT8, np.int8, 8, True),
    "uint8": (TensorProto.UINT8, np.uint8, 8, False),
    "int16": (TensorProto.INT16, np.int16, 16, True),
    "uint16": (TensorProto.UINT16, np.uint16, 16, False),
}
ROWS = 3
values_2d = hnp.arrays(np.float32, st.tuples(st.just(ROWS), st.integers(1, 8)), elements=st.floats(-1e6, 1e6, width=32))
scales = st.floats(2**-20, 2**20, width=32)


@cache
def operators(type_name: str, axis: int | None) -> ort.InferenceSession:
    """QuantizeLinear, then DequantizeLinear of its result, as onnxruntime computes them."""
    kind = TYPES[type_name][0]
    shape = [] if axis is None else [None]
    attribute = {} if axis is None else {"axis": axis}
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **attribute),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **attribute),
        ],
        "operators",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, None]),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("z", kind, shape),
        ],
        [
            helper.make_tensor_value_info("q", kind, [None, None]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@st.composite
def mappings(draw: st.DrawFn, type_name: str, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    _, dtype, bits, signed = TYPES[type_name]
    integers = quantizer.integers(bits, signed)
    zero_points = st.integers(integers.low, integers.high)
    if count is None:
        return np.array(draw(scales), np.float32), np.array(draw(zero_points), dtype)
    drawn = [(draw(scales), draw(zero_points)) for _ in range(count)]
    return np.array([s for s, _ in drawn], np.float32), np.array([z for _, z in drawn], dtype)


def affine(type_name: str, scale: np.ndarray, zero_point: np.ndarray, axis: int | None) -> Affine:
    _, _, bits, signed = TYPES[type_name]
    zeros = torch.from_numpy(np.asarray(zero_point, np.int32))
    return Affine(torch.from_numpy(np.asarray(scale)), zeros, quantizer.integers(bits, signed), axis)


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("axis", [None, 0])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_integers_and_values_are_those_of_onnxruntime(type_name: str, axis: int | None, data: st.DataObject) -> None:
    values = data.draw(values_2d)
    scale, zero_point = data.draw(mappings(type_name, None if axis is None else ROWS))
    expected_q, expected_y = operators(type_name, axis).run(None, {"x": values, "s": scale, "z": zero_point})
    mapping = affine(type_name, scale, zero_point, axis)
    quantized = quantizer.quantize(torch.from_numpy(values), mapping)
    np.testing.assert_array_equal(quantized.numpy(), expected_q)
    np.testing.assert_array_equal(quantizer.dequantize(quantized, mapping).numpy(), expected_y)


@pytest.mark.parametrize("axis", [None, 0, 1])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_fake_quantize_is_that_of_torch_but_for_ties(axis: int | None, data: st.DataObject) -> None:
    """torch multiplies by the inverse of the scale instead of dividing: a value on a tie may fall to the other side."""
    values = torch.from_numpy(data.draw(values_2d))
    count = None if axis is None else values.shape[axis]
    scale, zero_point = data.draw(mappings("uint8", count))
    mapping = affine("uint8", scale, zero_point, axis)
    if axis is None:
        expected = torch.fake_quantize_per_tensor_affine(values, float(scale), int(zero_point), 0, 255)
        step = torch.full_like(values, float(scale))
    else:
        expected = torch.fake_quantize_per_channel_affine(values, mapping.scale, mapping.zero_point, axis, 0, 255)
        step = mapping.scale.unsqueeze(1 - axis).expand_as(values)
    found = quantizer.fake_quantize(values, mapping)
    position = (values.double() / step.double()).abs()
    tie = (position - position.floor() - 0.5).abs() < 1e-6 * position.clamp(min=1)
    torch.testing.assert_close(found[~tie], expected[~tie], rtol=1e-6, atol=0)
    assert ((found - expected).abs() <= step * 1.0001).all()


def test_the_corrected_example_of_the_article_gives_38_and_076() -> None:
    mapping = Affine(torch.tensor(0.02), torch.tensor(0, dtype=torch.int32), quantizer.integers(8, signed=True))
    quantized = quantizer.quantize(torch.tensor([0.75]), mapping)
    assert quantized.item() == 38
    assert quantizer.dequantize(quantized, mapping).item() == pytest.approx(0.76)


def test_a_hundred_steps_over_minus_one_to_one_are_two_hundredths_wide() -> None:
    mapping = quantizer.asymmetric(torch.tensor(-1.0), torch.tensor(1.0), Integers(0, 100))
    assert mapping.scale.item() == pytest.approx(0.02)
    assert quantizer.fake_quantize(torch.tensor([0.75]), mapping).item() == pytest.approx(0.76)


@settings(deadline=None, max_examples=50)
@given(
    bits=st.integers(2, 16),
    signed=st.booleans(),
    symmetric=st.booleans(),
    values=hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-1e4, 1e4, width=32)),
)
def test_the_error_within_the_range_is_at_most_half_a_step(
    bits: int, signed: bool, symmetric: bool, values: np.ndarray
) -> None:
    tensor = torch.from_numpy(values)
    integers = quantizer.integers(bits, signed, narrow=symmetric and signed)
    make = quantizer.symmetric if symmetric else quantizer.asymmetric
    mapping = make(*quantizer.value_range(tensor), integers)
    quantized = quantizer.quantize(tensor, mapping)
    assert integers.low <= int(quantized.min()) <= int(quantized.max()) <= integers.high
    # An asymmetric zero point is rounded to an integer, which shifts the whole range by up to half a step more.
    allowed = (0.5 if symmetric else 1.0) * mapping.scale.item() * (1 + 1e-4)
    assert (quantizer.dequantize(quantized, mapping) - tensor).abs().max().item() <= allowed


@settings(deadline=None, max_examples=50)
@given(low=st.floats(-(2.0**100), 2.0**100, width=32), span=st.floats(0, 2.0**100, width=32), bits=st.integers(2, 16))
def test_zero_stays_exactly_zero_whatever_the_range(low: float, span: float, bits: int) -> None:
    bounds = torch.tensor(low), torch.tensor(low).double() + span
    for mapping in (
        quantizer.asymmetric(*bounds, quantizer.integers(bits, signed=False)),
        quantizer.symmetric(*bounds, quantizer.integers(bits, signed=True, narrow=True)),
    ):
        assert quantizer.fake_quantize(torch.zeros(1), mapping).item() == 0.0
        assert mapping.scale.item() > 0


def test_each_channel_is_quantized_as_if_it_were_alone() -> None:
    values = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10, 0.1, 0]).view(
        4, 1, 1
    )
    integers = quantizer.integers(4, signed=True, narrow=True)
    together = quantizer.fake_quantize(
        values, quantizer.symmetric(*quantizer.value_range(values, axis=0), integers, axis=0)
    )
    for channel, expected in zip(values, together, strict=True):
        alone = quantizer.fake_quantize(channel, quantizer.symmetric(*quantizer.value_range(channel), integers))
        torch.testing.assert_close(alone, expected, rtol=0, atol=0)


def test_the_gradient_passes_inside_the_range_and_stops_outside() -> None:
    mapping = quantizer.symmetric(
        torch.tensor(-1.0), torch.tensor(1.0), quantizer.integers(8, signed=True, narrow=True)
    )
    values = torch.tensor([-3.0, -0.3, 0.0, 0.7, 5.0], requires_grad=True)
    quantizer.fake_quantize(values, mapping).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 1, 0]


def test_infinity_is_clamped_and_nan_is_refused() -> None:
    mapping = quantizer.asymmetric(torch.tensor(-1.0), torch.tensor(1.0), quantizer.integers(8, signed=False))
    assert quantizer.quantize(torch.tensor([-torch.inf, torch.inf]), mapping).tolist() == [0, 255]
    with pytest.raises(ValueError, match="NaN"):
        quantizer.quantize(torch.tensor([torch.nan]), mapping)


@pytest.mark.parametrize("bits", [1, 17, 0, -8])
def test_bit_widths_outside_2_to_16_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="2 to 16"):
        quantizer.integers(bits, signed=True)


def test_a_range_that_is_reversed_or_not_finite_is_refused() -> None:
    integers = quantizer.integers(8, signed=False)
    for low, high in ((1.0, 0.0), (0.0, torch.inf), (torch.nan, 1.0)):
        with pytest.raises(ValueError, match="finite and ordered"):
            quantizer.asymmetric(torch.tensor(low), torch.tensor(high), integers)
    with pytest.raises(ValueError, match="finite values"):
        quantizer.value_range(torch.tensor([1.0, torch.nan]))
    with pytest.raises(ValueError, match="finite values"):
        quantizer.value_range(torch.empty(0))


def test_scales_of_another_length_than_the_axis_are_refused() -> None:
    mapping = Affine(torch.ones(3), torch.zeros(3, dtype=torch.int32), quantizer.integers(8, signed=True), axis=0)
    with pytest.raises(ValueError, match="do not fit axis 0"):
        quantizer.quantize(torch.zeros(2, 3), mapping)
