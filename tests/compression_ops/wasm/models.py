"""Quantized models for tests of WebAssembly, and pictures of digits for them."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from compression_ops.models.network import Network, build
from tests.compression_ops.c_code import quantized

GREY, COLOUR = (1, 28, 28), (3, 16, 16)
CLASSES = 10


def model(folder: Path, shape: tuple[int, int, int] = GREY, classes: int = CLASSES) -> Path:
    """`model.onnx` of a network with random weights."""
    return quantized.of_module(
        lambda: build(Network("strided_cnn", shape, classes)), shape, classes, folder / "model.onnx"
    )


@cache
def digits(count: int) -> np.ndarray:
    """uint8 [count, 28, 28]: scikit-learn's digits, as large as MNIST's."""
    small = (load_digits().images[:count] * 255 / 16).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(each).resize(GREY[1:], Image.Resampling.BICUBIC)) for each in small])
