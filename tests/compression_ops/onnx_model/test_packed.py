"""Packed integers are those that a plain loop over the bits reads, and take as many bits as they have."""

import numpy as np
import onnx
import onnx.reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from compression_ops.onnx_model import packed


def read(buffer: np.ndarray, index: int) -> int:
    """One integer, bit by bit, as the module's docstring says."""
    count, bits = buffer.shape
    k, i = divmod(index, count)
    value = sum((int(buffer[i, j]) >> k & 1) << j for j in range(bits))
    return value - 2**bits if value >= 2 ** (bits - 1) else value


@settings(deadline=None, max_examples=60)
@given(data=st.data(), bits=st.integers(2, 7))
def test_a_plain_loop_reads_what_was_packed(data: st.DataObject, bits: int) -> None:
    each = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    values = data.draw(st.lists(each, min_size=1, max_size=70))
    buffer = packed.packed(np.array(values, np.int8), bits)
    assert buffer.shape == (-(-len(values) // 8), bits)
    assert [read(buffer, index) for index in range(len(values))] == values


@pytest.mark.parametrize("bits", range(2, 8))
def test_unsigned_integers_come_back_too(bits: int) -> None:
    arrays = {"a": np.arange(2**bits, dtype=np.uint8).reshape(2, -1), "b": np.full((3, 1), 2**bits - 1, np.uint8)}
    made = graph(arrays, TensorProto.UINT8)
    packed.store(made, bits, list(arrays))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    found = onnx.reference.ReferenceEvaluator(model).run(None, {})
    for array, value in zip(arrays.values(), found, strict=True):
        np.testing.assert_array_equal(value, array)
    with pytest.raises(ValueError, match="do not fit"):
        packed.store(graph({"a": np.full(3, 2**bits, np.uint8)}), bits, ["a"])


def graph(arrays: dict[str, np.ndarray], kind: int = TensorProto.INT8) -> onnx.GraphProto:
    return helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in arrays],
        "weights",
        [],
        [helper.make_tensor_value_info(f"{name}_out", kind, array.shape) for name, array in arrays.items()],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )


def test_tensors_share_one_buffer_and_keep_names_shapes_and_values() -> None:
    draw = np.random.default_rng(0)
    arrays = {name: draw.integers(-4, 4, shape).astype(np.int8) for name, shape in (("a", (3, 5)), ("b", (2, 1, 3, 3)))}
    made = graph(arrays)
    packed.store(made, 3, list(arrays))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    found = onnx.reference.ReferenceEvaluator(model).run(None, {})
    for array, value in zip(arrays.values(), found, strict=True):
        np.testing.assert_array_equal(value, array)
    assert packed.stored(made) == {"weights_3_bits": 15 + 18}
    assert [len(tensor.raw_data) for tensor in made.initializer] == [3 * 5]


def test_an_integer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="integers of -1 to 4 do not fit 3 bits"):
        packed.store(graph({"a": np.array([4, -1], np.int8)}), 3, ["a"])
