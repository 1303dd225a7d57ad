"""A graph that was traced once, with other weights: the same bytes as traced with them, or none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.models.network import Network, build, save
from compression_ops.onnx_model import export, template
from compression_ops.onnx_model.session import open_session, predict

SHAPE = (1, 8, 8)


def scrambled(model: nn.Module, seed: int) -> nn.Module:
    """With weights and statistics as a training might leave them."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=random) + 0.1)
    return model.eval()


@pytest.mark.parametrize("architecture", ["simple_cnn", "tiny_cnn", "strided_cnn", "compact_cnn", "resnet", "vgg"])
def test_of_the_products_networks_the_bytes_are_those_of_a_trace(architecture: str, tmp_path: Path) -> None:
    network = Network(architecture, (1, 16, 16), 10)
    for seed in (1, 2):
        model = scrambled(build(network), seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        save(folder, network, model)
        assert export.export_saved(folder) == export.export(model, network.input_shape)
    found = export._templates[(network.factory, network)]  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    assert found.parameters


class Derived(nn.Module):
    """With a plain tensor, of which nothing says whether it hangs on weights."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.gain = self.linear.bias.detach() * 3

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1)) * self.gain


class Buffered(nn.Module):
    """With a statistic that is no parameter and no batch norm's."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1)) * self.get_buffer("scale")


class Tied(nn.Module):
    """One weight in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
        self.second.weight = self.first.weight
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(functional.relu(self.second(functional.relu(self.first(x.flatten(1))))))


def traced(model: nn.Module) -> "export.onnx.ModelProto":
    return export.export(model, SHAPE)


def logits(model: "export.onnx.ModelProto", images: Tensor) -> np.ndarray:
    return predict(open_session(model.SerializeToString()), images.numpy(), 8)


def test_a_shared_weight_is_filled_wherever_it_stands() -> None:
    found = template.of_network(Tied().eval(), traced)
    assert found is not None
    model, images = scrambled(Tied(), 3), torch.rand(4, *SHAPE)
    filled = found.filled(model)
    assert filled is not None
    with torch.no_grad():
        np.testing.assert_allclose(logits(filled, images), model(images).numpy(), rtol=1e-4)


def test_other_buffers_make_another_graph() -> None:
    found = template.of_network(Buffered().eval(), traced)
    assert found is not None
    assert found.filled(Buffered().eval()) is not None
    other = Buffered().eval()
    other.get_buffer("scale").fill_(3.0)
    assert found.filled(other) is None


def test_a_constant_that_is_no_parameter_leaves_no_template() -> None:
    assert template.of_network(Derived().eval(), traced) is None


def test_a_network_that_is_not_finite_is_not_taken_for_its_template() -> None:
    found = template.of_network(Tied().eval(), traced)
    assert found is not None
    broken = Tied().eval()
    nn.init.constant_(broken.head.bias, float("nan"))
    assert found.filled(broken) is None
