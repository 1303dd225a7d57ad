"""The C code of every architecture computes the integers of the reference, and nearly onnxruntime's logits."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from compression_ops.c_code import reference, source
from compression_ops.models.network import Network, build
from compression_ops.onnx_model import session
from compression_ops.quantization.precision import Precision
from tests.compression_ops.c_code import compiled, quantized

CLASSES = 10
GREY, COLOUR = (1, 12, 12), (3, 11, 9)


def mixed() -> nn.Module:
    """What no architecture of the product has: groups, depthwise and dilated filters, limits, means of windows."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.ReLU6(),
        nn.Conv2d(12, 12, 3, padding=1, groups=12),
        nn.Hardtanh(-0.3, 0.5),
        nn.Conv2d(12, 18, 3, padding=2, dilation=2, groups=3),
        nn.LeakyReLU(0.2),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(18, 24, 1, stride=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, CLASSES),
    )


def model(architecture: str, shape: tuple[int, int, int], folder: Path, precision: Precision | None = None) -> Path:
    def module() -> nn.Module:
        return mixed() if architecture == "mixed" else build(Network(architecture, shape, CLASSES))

    return quantized.of_module(module, shape, CLASSES, folder / "model.onnx", precision)


def check(file: Path, images: np.ndarray, flags: tuple[str, ...] = ("-O1",)) -> None:
    """C equals the reference; the reference has onnxruntime's logits but for one step of an activation."""
    source.write(file, file.parent)
    predictor = reference.Predictor(file)
    expected = predictor(images)
    logits, classes = compiled.run(compiled.build(file.parent, flags=flags), images)
    np.testing.assert_array_equal(logits, expected)
    np.testing.assert_array_equal(classes, expected.argmax(axis=1))
    theirs = session.predict(session.open_session(file), images)
    error = np.abs(expected / 2.0**predictor.fraction_bits - theirs).max(axis=1) / np.ptp(theirs)
    assert np.median(error) < 0.002
    assert error.max() < 0.05


@pytest.mark.compiler
def test_the_c_code_of_a_small_network_computes_the_references_integers(tmp_path: Path) -> None:
    check(model("strided_cnn", (1, 8, 8), tmp_path), quantized.random_images(50, (1, 8, 8), seed=1))


@pytest.mark.slow
@pytest.mark.compiler
@pytest.mark.parametrize("shape", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("architecture", ["strided_cnn", "tiny_cnn", "simple_cnn", "compact_cnn", "resnet", "vgg"])
def test_the_c_code_of_every_architecture_computes_the_references_integers(
    architecture: str, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    check(model(architecture, shape, tmp_path), quantized.random_images(100, shape, seed=1))


@pytest.mark.compiler
def test_groups_dilations_limits_and_means_of_windows_are_computed_too(tmp_path: Path) -> None:
    check(model("mixed", COLOUR, tmp_path), quantized.random_images(100, COLOUR, seed=1))
