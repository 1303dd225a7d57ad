"""Networks that torchvision and timm publish, adapted to the data as their users do it by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build, load, save

CLASSES = 7
LIGHT = ("resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5")


def network(name: str, shape: tuple[int, int, int], **arguments: object) -> nn.Module:
    torch.manual_seed(0)
    return build(Network(f"torchvision.models:{name}", shape, CLASSES, arguments))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (4, 112, 96), (1, 8, 8)])
@pytest.mark.parametrize("name", LIGHT)
def test_a_network_gives_one_logit_a_class_for_images_of_any_shape(name: str, shape: tuple[int, int, int]) -> None:
    model = network(name, shape)
    assert model.training
    assert model.eval()(torch.rand(3, *shape)).shape == (3, CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "densenet121", "efficientnet_b0", "convnext_tiny", "vit_b_16", "vgg11"])
def test_heavier_networks_of_other_kinds_do_too(name: str) -> None:
    """Auxiliary classifiers, dense blocks, patches that a small image has not enough of, a fixed image size."""
    assert network(name, (1, 16, 16)).eval()(torch.rand(2, 1, 16, 16)).shape == (2, CLASSES)


def test_for_small_images_the_stem_is_that_of_networks_for_cifar() -> None:
    """As one makes it by hand: 3 × 3, stride 1, no pooling; with equal weights the logits are equal."""
    adapted = network("resnet18", (1, 28, 28)).eval()
    by_hand = models.resnet18(weights=None, num_classes=CLASSES)
    by_hand.conv1 = nn.Conv2d(1, 64, 3, stride=1, padding=1, bias=False)
    by_hand.maxpool = nn.Identity()  # type: ignore[assignment]
    by_hand.load_state_dict(adapted.state_dict())
    images = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(adapted(images), by_hand.eval()(images), rtol=1e-4, atol=1e-5)


def test_a_network_for_large_colour_images_is_torchvisions_own() -> None:
    adapted = network("resnet18", (3, 128, 128))
    torch.manual_seed(0)
    own = models.resnet18(weights=None, num_classes=CLASSES)
    assert all(torch.equal(found, own.state_dict()[name]) for name, found in adapted.state_dict().items())
    images = torch.rand(2, 3, 128, 128)
    torch.testing.assert_close(adapted.eval()(images), own.eval()(images), rtol=1e-4, atol=1e-5)


def test_a_grey_image_is_seen_as_a_colour_image_of_equal_channels_was() -> None:
    grey = torch.rand(2, 1, 128, 128)
    one, three = network("resnet18", (1, 128, 128)).eval(), network("resnet18", (3, 128, 128)).eval()
    torch.testing.assert_close(one(grey), three(grey.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4)


def test_a_network_for_one_image_size_gets_its_images_resized() -> None:
    model = network("swin_t", (3, 8, 8)) if hasattr(models, "swin_t") else network("vit_b_16", (3, 8, 8))
    assert model.eval()(torch.rand(1, 3, 8, 8)).shape == (1, CLASSES)


def test_arguments_are_the_librarys_own(tmp_path: Path) -> None:
    wide = Network("torchvision.models:squeezenet1_1", (3, 64, 64), CLASSES, {"dropout": 0.25})
    model = build(wide)
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout)] == [0.25]
    save(tmp_path, wide, model)
    loaded = load(tmp_path)
    assert [module.p for module in loaded.modules() if isinstance(module, nn.Dropout)] == [0.25]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": "DEFAULT"}, "'weights' loads published weights"),
        ({"depth": 3}, "unexpected keyword argument 'depth'"),
    ],
)
def test_arguments_that_a_network_cannot_have_are_told(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        network("resnet18", (3, 32, 32), **arguments)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "resnet10t", "vit_tiny_patch16_224"])
def test_timms_networks_are_built_by_name(name: str) -> None:
    model = build(Network(f"timm:{name}", (1, 28, 28), CLASSES))
    assert model.eval()(torch.rand(2, 1, 28, 28)).shape == (2, CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "side"), [({}, 160), ({"aux_logits": False}, 64)])
def test_inception_enlarges_small_images_as_far_as_it_must(arguments: dict[str, object], side: int) -> None:
    """Its auxiliary classifier, which stands late, needs more than the rest."""
    model = network("inception_v3", (3, 32, 32), **arguments)
    assert model.get_submodule("0").size == (side, side)  # type: ignore[comparison-overlap]
    assert model.eval()(torch.rand(2, 3, 32, 32)).shape == (2, CLASSES)


@pytest.mark.slow
def test_a_network_that_no_size_fits_with_another_stem_keeps_its_own() -> None:
    """LeViT's four strided convolutions are what its attention is made for."""
    torch.manual_seed(0)
    model = build(Network("timm:levit_128s", (1, 8, 8), CLASSES)).eval()
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, CLASSES)
    assert [m.stride for m in model.modules() if isinstance(m, nn.Conv2d)][:4] == [(2, 2)] * 4
