"""A saved network's logits are torch's, whoever computes them; what onnxruntime cannot compute, torch does."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.data.dataset import normalize
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build, save
from compression_ops.onnx_model.inference import Forward, open_forward
from tests.compression_ops import small_data

DATA = small_data.data()


def opened(folder: Path, factory: str) -> tuple[Forward, nn.Module]:
    network = Network(factory, small_data.SHAPE, small_data.CLASSES)
    torch.manual_seed(0)
    model = build(network)
    save(folder, network, model)
    return open_forward(folder, DATA.description, DATA.train.samples[:16]), model.eval()


class Branching(nn.Module):
    """Which layer runs depends on the pixels: no graph can be exported."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, classes), nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x.flatten(1)) if x.mean() > -100 else self.second(x.flatten(1))


class Noisy(nn.Module):
    """Its author forgot that dropout is for training: every call gives other logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(functional.dropout(x.flatten(1), 0.5, training=True))


def branching(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Branching(classes)


def noisy(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Noisy(classes)


def one_too_few(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return small_data.linear(input_shape, classes - 1)


def test_onnxruntimes_logits_are_torchs(tmp_path: Path) -> None:
    forward, model = opened(tmp_path, "tests.compression_ops.small_data:network")
    assert forward.warning is None
    assert forward.threads == torch.get_num_threads()
    expected = model(normalize(DATA.train.samples, DATA.description)).detach()
    torch.testing.assert_close(forward.logits(DATA.train.samples), expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_exported_runs_in_torch_and_says_so(tmp_path: Path) -> None:
    forward, model = opened(tmp_path, f"{__name__}:branching")
    assert forward.warning is not None
    assert "runs in torch" in forward.warning
    assert "Branching could not be exported" in forward.warning
    expected = model(normalize(DATA.train.samples, DATA.description)).detach()
    torch.testing.assert_close(forward.logits(DATA.train.samples), expected)


def test_a_network_that_the_export_changes_runs_in_torch_and_says_by_how_much(tmp_path: Path) -> None:
    forward, _ = opened(tmp_path, f"{__name__}:noisy")
    assert forward.warning is not None
    assert "differ from torch's by up to" in forward.warning
    assert forward.threads == 1


def test_a_network_without_one_logit_a_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"must be a tensor of shape \(16, 3\)"):
        opened(tmp_path, f"{__name__}:one_too_few")
