"""Whatever stream a network draws from, a seed gives the same bits, and the caller's streams stay as they were."""

import random

import numpy as np
import torch
from torch import Tensor, nn

from compression_ops.data.views import Views
from compression_ops.models import randomness
from compression_ops.training.loop import Trained, train_network
from compression_ops.training.objective import supervised
from tests.compression_ops import small_data

DATA = small_data.data()


class Drawing(nn.Module):
    """Stochastic depth as some networks have it: drawn by NumPy and by Python itself."""

    def __init__(self) -> None:
        super().__init__()
        height, width = small_data.SHAPE[1:]
        self.first = nn.Linear(small_data.SHAPE[0] * height * width, 8)
        self.first.weight.data += 0.01 * torch.from_numpy(np.random.randn(*self.first.weight.shape)).float()
        self.last = nn.Linear(8, small_data.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x.flatten(1))
        if self.training and np.random.rand() < 0.5:
            x = x * 2
        if self.training and random.random() < 0.5:
            x = -x
        return self.last(x)


def _fit(seed: int) -> Trained:
    training = small_data.training(epochs=2, learning_rate=0.01, seed=seed)
    return train_network(Drawing, DATA, training, Views(views=1, seed=0), lambda _: supervised())


def test_what_numpy_and_python_draw_depends_on_the_seed_alone() -> None:
    np.random.seed(1)
    first = _fit(5).model.state_dict()
    again, other = (_fit(seed).model.state_dict() for seed in (5, 6))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["first.weight"], other["first.weight"])


def test_the_callers_streams_are_as_before() -> None:
    device = torch.device("cpu")
    for draw in (random.random, lambda: np.random.rand(), lambda: torch.rand(1).item()):
        randomness.seed(3, device)
        expected = [draw(), draw()]
        randomness.seed(3, device)
        found = [draw()]
        with randomness.kept(device):
            draw()
            randomness.seed(9, device)
        assert [*found, draw()] == expected
