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
        ("mlp", (1, 28, 28), 52_650),
        ("ds_cnn", (1, 28, 28), 23_050),
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


@pytest.mark.parametrize("shape", [(7,), (5, 4), (2, 3, 3)])
def test_a_perceptron_takes_inputs_of_any_shape_and_has_the_units_that_are_asked_for(shape: tuple[int, ...]) -> None:
    model = build(Network("mlp", shape, 3, {"hidden": [5, 2]})).eval()
    inputs = torch.randn(4, *shape)
    first, second, last = (layer for layer in model if isinstance(layer, torch.nn.Linear))
    hidden = (second(first(inputs.reshape(4, -1)).clamp(min=0))).clamp(min=0)
    assert (first.out_features, second.out_features) == (5, 2)
    torch.testing.assert_close(model(inputs), last(hidden))


def test_a_perceptron_without_hidden_layers_is_logistic_regression() -> None:
    model = build(Network("mlp", (7,), 3, {"hidden": []}))
    assert [tuple(parameter.shape) for parameter in model.parameters()] == [(3, 7), (3,)]


@pytest.mark.parametrize("hidden", [[0], [8, -1], [8.5], ["8"], [True]])
def test_units_that_are_none_are_told(hidden: list[object]) -> None:
    with pytest.raises(ModelError, match="whole numbers, 1 and more"):
        build(Network("mlp", (7,), 3, {"hidden": hidden}))


def test_a_depthwise_separable_network_has_the_channels_and_blocks_that_are_asked_for() -> None:
    """A filter a channel and a mixture of all a block; with a batch norm's two numbers a channel."""
    model = build(Network("ds_cnn", (1, 40, 61), 12, {"filters": 8, "blocks": 2}))
    convolutions = 4 * 10 * 8 + 2 * (9 * 8 + 8 * 8)
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + 2 * 5 * 8 + 8 * 12 + 12
    depthwise = [layer.groups for layer in model if isinstance(layer, torch.nn.Conv2d) and layer.groups > 1]
    assert depthwise == [8, 8]


@pytest.mark.parametrize("arguments", [{"filters": 0}, {"filters": 8.0}, {"blocks": "2"}, {"blocks": True}])
def test_numbers_of_a_depthwise_separable_network_that_are_none_are_told(arguments: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="allowed is a whole number from 1 on"):
        build(Network("ds_cnn", (1, 40, 61), 12, arguments))
