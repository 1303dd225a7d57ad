import importlib
import pkgutil

import pytest
import torch

from compression_ops.errors import ModelError
from compression_ops.models import architectures
from compression_ops.models.network import Network, build

OF_TEXTS = {"text_cnn", "embedding_bag"}  # see test_texts.py
ZOO = sorted({module.name for module in pkgutil.iter_modules(architectures.__path__)} - OF_TEXTS)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 48, 36)])
@pytest.mark.parametrize("architecture", ZOO)
def test_every_architecture_gives_one_logit_a_class(architecture: str, shape: tuple[int, int, int]) -> None:
    model = build(Network(architecture, shape, 7))
    output = model(torch.randn(3, *shape))
    assert output.shape == (3, 7)
    assert output.dtype == torch.float32
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("architecture", ZOO)
def test_a_sample_is_judged_alone(architecture: str) -> None:
    model = build(Network(architecture, (1, 28, 28), 10)).eval()
    images = torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(model(images)[2:3], model(images[2:3]))


@pytest.mark.parametrize(
    ("architecture", "shape", "parameters"),
    [
        ("simple_cnn", (1, 28, 28), 189_130),
        ("tiny_cnn", (1, 28, 28), 108_738),
        ("vgg", (1, 28, 28), 3_241_450),
        ("resnet", (1, 28, 28), 77_754),
        ("strided_cnn", (1, 28, 28), 9_994),
        ("soft_decision_tree", (1, 28, 28), 202_990),
        ("compact_cnn", (1, 28, 28), 18_554),
    ],
)
def test_the_parameter_counts_are_those_of_the_docstrings(
    architecture: str, shape: tuple[int, int, int], parameters: int
) -> None:
    model = build(Network(architecture, shape, 10))
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    docstring = importlib.import_module(f"compression_ops.models.architectures.{architecture}").build.__doc__
    assert f"{parameters:,} parameters" in docstring


def test_vgg_reaches_the_papers_7_by_7_from_its_224() -> None:
    with torch.device("meta"):
        model = build(Network("vgg", (3, 224, 224), 10))
    assert [layer.in_features for layer in model if isinstance(layer, torch.nn.Linear)] == [256 * 7 * 7, 1024]


def test_images_too_small_for_vgg_are_refused_with_the_cure() -> None:
    with pytest.raises(ModelError, match="image_size"):
        build(Network("vgg", (1, 1, 12), 10))


def test_a_compact_network_has_the_channels_that_are_asked_for() -> None:
    """A pair of convolutions a stage, one in the last; with a batch norm's two numbers a channel."""
    model = build(Network("compact_cnn", (3, 16, 16), 5, {"filters": [4, 6]}))
    convolutions = 9 * (3 * 4 + 4 * 4 + 4 * 6)
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + 2 * (4 + 4 + 6) + 6 * 5 + 5


@pytest.mark.parametrize("filters", [[], [0], [8, -1], [8.5], ["8"], [True]])
def test_channels_that_are_none_are_told(filters: list[object]) -> None:
    with pytest.raises(ModelError, match="whole numbers, 1 and more"):
        build(Network("compact_cnn", (1, 28, 28), 10, {"filters": filters}))


def test_images_too_small_for_a_compact_network_are_refused_with_the_cure() -> None:
    with pytest.raises(ModelError, match="2 times; use a larger image_size, or fewer filters"):
        build(Network("compact_cnn", (1, 3, 12), 10))
