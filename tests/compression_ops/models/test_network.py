"""What a factory may return: a network, alone or in what spreads it over devices or compiles it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build, load, save
from compression_ops.training.loop import train_network
from compression_ops.training.objective import supervised
from tests.compression_ops import small_data


def in_parallel(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.DataParallel(small_data.network(input_shape, classes))


def compiled(input_shape: tuple[int, int, int], classes: int) -> Any:
    return torch.compile(small_data.network(input_shape, classes))


def both(input_shape: tuple[int, int, int], classes: int) -> Any:
    return torch.compile(in_parallel(input_shape, classes))


def frozen(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return small_data.network(input_shape, classes).requires_grad_(False)


@pytest.mark.parametrize("factory", ["in_parallel", "compiled", "both"])
def test_what_is_around_a_network_is_left_out(factory: str) -> None:
    model = build(Network(f"{__name__}:{factory}", small_data.SHAPE, small_data.CLASSES))
    plain = build(Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES))
    assert model.state_dict().keys() == plain.state_dict().keys()


def test_a_network_without_anything_to_train_is_told() -> None:
    network = Network(f"{__name__}:frozen", small_data.SHAPE, small_data.CLASSES)
    training, views = small_data.training(epochs=1, learning_rate=0.01), Views(views=1, seed=0)
    with pytest.raises(ModelError, match="no weight that can be trained"):
        train_network(network, small_data.data(), training, views, lambda _: supervised())


@pytest.mark.parametrize(("lost", "added", "told"), [("1.bias", None, "lacks 1.bias"), (None, "9.bias", "has 9.bias")])
def test_stored_weights_of_another_network_are_not_loaded(
    lost: str | None, added: str | None, told: str, tmp_path: Path
) -> None:
    network = Network(f"{__name__}:tied", small_data.SHAPE, small_data.CLASSES)
    save(tmp_path, network, build(network))
    loaded = load(tmp_path)
    assert loaded[2].weight is loaded[3].weight  # type: ignore[index]
    file = tmp_path / "model.safetensors"
    tensors = {name: value.clone() for name, value in load_file(file).items() if name != lost}
    save_file(tensors | ({added: torch.zeros(1)} if added else {}), file)
    with pytest.raises(RuntimeError, match=told):
        load(tmp_path)


def tied(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    middle = nn.Linear(8, 8)
    same = nn.Linear(8, 8)
    same.weight = middle.weight
    first, last = nn.Linear(torch.Size(input_shape).numel(), 8), nn.Linear(8, classes)
    return nn.Sequential(nn.Flatten(), first, middle, same, last)
