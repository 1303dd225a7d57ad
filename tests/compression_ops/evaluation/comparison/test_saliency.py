"""Integrated gradients against closed forms, and the axiom by which they are defined."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from compression_ops.data.dataset import Description
from compression_ops.evaluation.comparison import saliency
from compression_ops.models.network import Network, save
from tests.compression_ops import linear_models, small_data


def _image(seed: int) -> torch.Tensor:
    return torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_of_a_linear_network_each_pixel_says_its_weight_times_its_value() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    image, black = _image(0), torch.full((1, 4, 4), -0.5)
    weights = network[1].weight.detach()[2].view(1, 4, 4)
    found = saliency.integrated_gradients(network, image, black, target=2)
    assert found == pytest.approx((weights * (image + 0.5)).numpy(), abs=1e-5)


def test_of_a_square_the_integral_is_met_where_one_gradient_is_not() -> None:
    """f = x²: from 0 to x the mean gradient is x, so x · x, where the gradient at x would say 2 x · x."""

    class Square(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).square().sum(dim=1, keepdim=True)

    image = _image(1)
    found = saliency.integrated_gradients(Square(), image, torch.zeros_like(image), target=0)
    assert found == pytest.approx(image.square().numpy(), abs=1e-6)


def test_they_add_up_to_what_the_image_changes_in_the_logit() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = small_data.network((1, 8, 8), 3).eval()
    images = small_data.split(2, seed=5).samples
    description = Description(("a", "b", "c"), (1, 8, 8), (0.4,), (0.2,))
    for image, found in zip(images, saliency.attributions(network, images, [0, 2], description), strict=True):
        target = 0 if torch.equal(image, images[0]) else 2
        with torch.no_grad():
            both = network((torch.stack([image.float() / 255, torch.zeros(1, 8, 8)]) - 0.4) / 0.2)[:, target]
        assert found.shape == (1, 8, 8)
        assert found.sum() == pytest.approx(float(both[0] - both[1]), abs=0.01 * np.abs(found).sum())


def test_an_onnx_model_has_no_gradients_and_a_saved_network_has(tmp_path: Path) -> None:
    weights = linear_models.column_brightness(small_data.SHAPE, small_data.CLASSES)
    onnx.save(linear_models.linear(weights, small_data.SHAPE), tmp_path / "model.onnx")
    assert saliency.open_network(tmp_path) is None
    own = "tests.compression_ops.small_data:linear"
    save(tmp_path, Network(own, small_data.SHAPE, 3), small_data.linear(small_data.SHAPE, 3))
    network = saliency.open_network(tmp_path)
    assert network is not None
    assert np.isfinite(network(torch.zeros(1, *small_data.SHAPE)).detach().numpy()).all()
