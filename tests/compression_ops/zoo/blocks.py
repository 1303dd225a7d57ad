"""What the networks of the zoo are put together from."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]
WIDTH = 8


class Applied(nn.Module):
    """A function of a tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._function = function

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x)


class Sum(nn.Module):
    """f(x) + x."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + x


class Scaled(nn.Module):
    """x f(x)."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def convolution(inputs: int = WIDTH, outputs: int = WIDTH, **arguments: int | str | bool) -> nn.Conv2d:
    """3 by 3, of the same height and width unless `arguments` say otherwise."""
    return nn.Conv2d(inputs, outputs, 3, **({"padding": 1} | arguments))  # type: ignore[arg-type]


def around(shape: Shape, classes: int, *middle: nn.Module, width: int = WIDTH) -> nn.Sequential:
    """A convolution to [N, 8, H / 2, W / 2], the construct, the mean of each channel, a linear layer."""
    stem = nn.Sequential(convolution(shape[0], stride=2), nn.BatchNorm2d(WIDTH), nn.ReLU())
    return nn.Sequential(stem, *middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def flattened(shape: Shape, classes: int, *middle: nn.Module, size: int | None = None) -> nn.Sequential:
    """As `around`, but the linear layer sees every position."""
    stem = nn.Sequential(convolution(shape[0], stride=2), nn.ReLU())
    positions = WIDTH * ((shape[1] + 1) // 2) * ((shape[2] + 1) // 2)
    return nn.Sequential(stem, *middle, nn.Flatten(), nn.Linear(size or positions, classes))


def tokens(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, H W, C]."""
    return x.flatten(2).transpose(1, 2)


def shuffled(x: Tensor, groups: int = 2) -> Tensor:
    """The channels of the groups in turn (Zhang et al. 2018, "ShuffleNet")."""
    count, channels, height, width = x.shape
    return x.view(count, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


def halves_gated(x: Tensor) -> Tensor:
    """The first half of the channels, each times the sigmoid of one of the second half."""
    values, gates = x.chunk(2, dim=1)
    return values * torch.sigmoid(gates)
