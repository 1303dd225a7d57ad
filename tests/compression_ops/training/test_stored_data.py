"""Training on a data set as it is stored, against the same held in memory."""

from pathlib import Path

import pytest
import torch

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.storage import mapped
from compression_ops.data.views import Views
from compression_ops.models.network import Network
from compression_ops.training.loop import Data, load_data, train_network
from compression_ops.training.objective import supervised
from tests.compression_ops import small_data


def _trained(data: Data) -> dict[str, torch.Tensor]:
    network = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
    training = small_data.training(epochs=2, batch_size=16, learning_rate=0.01)
    views = Views(views=2, augmentation=Augmentation(translate=1, flip=True))
    return train_network(network, data, training, views, lambda _: supervised()).model.state_dict()


def test_a_mapped_data_set_trains_to_the_bits_of_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its pages given back after every batch, too."""
    monkeypatch.setattr(mapped, "WINDOW", 0)
    expected = _trained(small_data.data())
    found = _trained(load_data(small_data.artifact(tmp_path / "dataset")))
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
