"""An all-convolutional network with few weights and many operations: where the size of the file counts, not the time.

Small filters in pairs (Simonyan & Zisserman 2015), and instead of a hidden layer, which would hold most of the weights,
the mean of every channel (Lin, Chen & Yan 2014, "Network In Network", 3.2).
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from compression_ops.errors import ModelError


def build(input_shape: tuple[int, int, int], classes: int, filters: Sequence[int] = (16, 24, 32)) -> nn.Module:
    """float32 [N, C, H, W] -> logits [N, classes]. 18,554 parameters for 1×28×28 and 10 classes.

    filters  channels of each stage. A stage is two 3×3 convolutions, each with batch norm and ReLU, and a 2×2 max
             pooling; the last has one convolution, and the mean over all places
    Raises ModelError if the image is too small to be halved so often.
    """
    stated: list[Any] = [*filters]
    if not stated or any(type(count) is not int or count < 1 for count in stated):
        raise ValueError(f"filters is {filters!r}; allowed is a list of one or more whole numbers, 1 and more")
    channels, height, width = input_shape
    if min(height, width) < 2 ** (len(filters) - 1):
        raise ModelError(
            f"compact_cnn cannot halve images of {height}×{width} {len(filters) - 1} times; use a larger image_size, "
            "or fewer filters."
        )
    layers: list[nn.Module] = []
    for count in filters[:-1]:
        layers += [*_convolution(channels, count), *_convolution(count, count), nn.MaxPool2d(2)]
        channels = count
    layers += [*_convolution(channels, filters[-1]), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(filters[-1], classes))


def _convolution(channels: int, filters: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(channels, filters, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()
