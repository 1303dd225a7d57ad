"""All-CNN: convolutions only, striding instead of pooling, so a batch-1 call is a handful of fused integer kernels.

Springenberg, Dosovitskiy, Brox & Riedmiller 2015, "Striving for Simplicity: The All Convolutional Net".
"""

from torch import nn


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] -> logits [N, classes]. 9,162 parameters for one channel and 10 classes."""
    return nn.Sequential(
        *_convolution(input_shape[0], 16, stride=2),
        *_convolution(16, 24, stride=2),
        *_convolution(24, 24, stride=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, classes),
    )


def _convolution(channels: int, filters: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, filters, kernel_size=3, stride=stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(filters), nn.ReLU()
