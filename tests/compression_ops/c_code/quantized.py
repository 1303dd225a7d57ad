"""Quantized models for tests of their C code, without a recipe."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from compression_ops.data.dataset import Description
from compression_ops.onnx_model import export, metadata, opset, raw_samples
from compression_ops.quantization import activations, qdq
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision


def described(shape: tuple[int, int, int], classes: int) -> Description:
    """Data of that shape; each channel has a mean and a deviation of its own."""
    names = tuple(f"class {index}" for index in range(classes))
    return Description(
        names,
        shape,
        tuple(0.3 + 0.1 * each for each in range(shape[0])),
        tuple(0.2 + 0.1 * each for each in range(shape[0])),
    )


def random_images(count: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """uint8 [count, *shape]: blots and noise, so that places and channels differ."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 200, (count, shape[0], -(-shape[1] // 4), -(-shape[2] // 4)))
    blots = coarse.repeat(4, axis=2).repeat(4, axis=3)[:, :, : shape[1], : shape[2]]
    return (blots + generator.integers(0, 56, (count, *shape))).astype(np.uint8)


def shipped(
    network: onnx.ModelProto,
    images: np.ndarray,
    description: Description,
    file: Path,
    precision: Precision | None = None,
) -> Path:
    """Write the float `network`, quantized as a quantized student is, calibrated on raw samples."""
    asked = precision or Precision()
    floats = raw_samples.normalize(images, description)
    ranges = activations.bounds(activations.replay(network, floats))
    quantized = qdq.write(network, calibrated.mapping(network, ranges, asked)).model
    model = raw_samples.normalizing(opset.lowered(quantized, asked.opset), description)
    metadata.describe(model, description)
    onnx.save(model, file)
    return file


def of_module(
    build: Callable[[], nn.Module],
    shape: tuple[int, int, int],
    classes: int,
    file: Path,
    precision: Precision | None = None,
) -> Path:
    """A network with random weights, the same each time, and running statistics as after some training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build()
        for each in module.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.running_mean = torch.randn(each.num_features) * 0.1
                each.running_var = torch.rand(each.num_features) + 0.2
    module.eval()
    return shipped(export.export(module, shape), random_images(64, shape), described(shape, classes), file, precision)
