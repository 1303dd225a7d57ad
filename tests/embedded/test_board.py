"""On an emulated Cortex-M4 the C code computes the integers of the reference, in the RAM that its header says."""

from pathlib import Path

import numpy as np
import pytest

from compression_ops.c_code import reference, source
from compression_ops.models.network import Network, build
from compression_ops.quantization.precision import Precision
from tests.compression_ops.c_code import quantized, samples
from tests.embedded import board

SHAPE = (1, 8, 8)


@pytest.mark.slow
@pytest.mark.board
@pytest.mark.parametrize(("architecture", "bits"), [("strided_cnn", 8), ("compact_cnn", 4), ("resnet", 8)])
def test_a_cortex_m4_computes_the_integers_of_the_reference(architecture: str, bits: int, tmp_path: Path) -> None:
    network, precision = Network(architecture, SHAPE, 10), Precision(weight_bits=bits)
    file = quantized.of_module(lambda: build(network), SHAPE, 10, tmp_path / "model.onnx", precision)
    written = source.write(file, tmp_path)
    images = quantized.random_images(40, SHAPE, seed=1)
    found = board.run(board.build(tmp_path, images), len(images))
    expected = reference.Predictor(file)(images)
    np.testing.assert_array_equal(found[:, :-1], expected)
    np.testing.assert_array_equal(found[:, -1], expected.argmax(axis=1))
    flash, ram = board.sizes(tmp_path / "model.o")
    assert written.ram_bytes <= ram < written.ram_bytes + 8
    assert written.constant_bytes < flash < written.constant_bytes + 16_384


@pytest.mark.slow
@pytest.mark.board
@pytest.mark.parametrize("name", ["mlp", "embedding_bag", "ds_cnn"])
def test_a_cortex_m4_takes_rows_texts_and_recordings(name: str, tmp_path: Path) -> None:
    file, given = samples.model(name, tmp_path / "model.onnx"), samples.KINDS[name].samples(10, 1)
    taken = source.write(file, tmp_path).taken
    found = board.run(board.build(tmp_path, taken.integers.of(given)), len(given))
    np.testing.assert_array_equal(found[:, :-1], reference.Predictor(file)(given))
