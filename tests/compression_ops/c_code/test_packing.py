"""Weights of fewer than 8 bits take no more bits in C, and C unpacks what was packed."""

from pathlib import Path

import numpy as np
import pytest

from compression_ops.c_code import packing, reference, source
from compression_ops.models.network import Network, build
from compression_ops.quantization.precision import Precision
from tests.compression_ops.c_code import compiled, quantized

SHAPE = (1, 8, 8)
WEIGHTS = 16 * 32 + 24 * 160 + 16 * 224 + 10 * 16


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7])
def test_a_row_takes_as_many_bits_as_its_integers_have(bits: int) -> None:
    rows = np.random.default_rng(0).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (3, 40)).astype(np.int8)
    packed = packing.packed(rows, bits)
    assert packed.shape == (3, 40 * bits // 8)
    np.testing.assert_array_equal([[integer(row, index, 40, bits) for index in range(40)] for row in packed], rows)


def integer(row: np.ndarray, index: int, count: int, bits: int) -> int:
    """One integer of a packed row, read bit by bit as the definition says."""
    found = start = below = 0
    for width in (width for width in (4, 2, 1) if bits & width):
        size = count * width // 8
        byte = int(row[start + index % size])
        found += (byte >> width * (index // size) & 2**width - 1) << below
        start, below = start + size, below + width
    return found - 2 ** (bits - 1)


def test_an_integer_beyond_the_bits_and_a_row_that_fills_no_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="integers of -5 to 3 do not fit 3 bits"):
        packing.packed(np.array([[-5, 3, 0, 0, 0, 0, 0, 0]], np.int8), 3)
    with pytest.raises(ValueError, match="a row has 7 integers; allowed is a multiple of 8"):
        packing.packed(np.zeros((1, 7), np.int8), 3)


def check(bits: int, folder: Path) -> source.Written:
    file = quantized.of_module(
        lambda: build(Network("strided_cnn", SHAPE, 10)), SHAPE, 10, folder / "model.onnx", Precision(weight_bits=bits)
    )
    written = source.write(file, folder)
    images = quantized.random_images(60, SHAPE, seed=1)
    logits, _ = compiled.run(compiled.build(folder), images)
    np.testing.assert_array_equal(logits, reference.Predictor(file)(images))
    return written


@pytest.mark.compiler
def test_four_bits_take_half_of_the_bytes(tmp_path: Path) -> None:
    written = check(4, tmp_path)
    # 16 filters of 25 weights, 24 of 144 and 16 of 216, in rows of 32, 160 and 224; 10 of 16.
    assert written.weight_bytes == WEIGHTS / 2


@pytest.mark.slow
@pytest.mark.compiler
@pytest.mark.parametrize("bits", [2, 3, 5, 6, 7])
def test_every_width_computes_the_integers_of_the_reference(bits: int, tmp_path: Path) -> None:
    assert check(bits, tmp_path).weight_bytes == bits * WEIGHTS / 8
