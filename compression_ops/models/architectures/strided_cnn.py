"""A small student: three strided convolutions and one fully connected layer, so a call is a few fused integer kernels.

LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition": convolutions of stride 2 shrink the
image without pooling, and the last layer reads the map unpooled, since where a stroke is tells digits apart. Batch norm
and ReLU are of later date.
"""

from torch import nn

_FILTERS = (16, 24, 16)


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] -> logits [N, classes]. 9,994 parameters for 1×28×28 and 10 classes."""
    channels, height, width = input_shape
    first, second, third = _FILTERS
    return nn.Sequential(
        *_convolution(channels, first, kernel_size=5),
        *_convolution(first, second, kernel_size=3),
        *_convolution(second, third, kernel_size=3),
        nn.Flatten(),
        nn.Linear(third * _eighth(height) * _eighth(width), classes),
    )


def _convolution(channels: int, filters: int, kernel_size: int) -> tuple[nn.Module, ...]:
    padding = kernel_size // 2
    convolution = nn.Conv2d(channels, filters, kernel_size, stride=2, padding=padding, bias=False)
    return convolution, nn.BatchNorm2d(filters), nn.ReLU()


def _eighth(size: int) -> int:
    """What three padded convolutions of stride 2 leave of a side: each halves it, rounding up."""
    return -(-size // 8)
