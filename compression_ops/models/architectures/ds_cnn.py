"""DS-CNN for spoken keywords: Zhang, Suda, Lai & Chandra 2017, "Hello Edge: Keyword Spotting on Microcontrollers"
(arXiv 1711.07128).

One large convolution over bands and time, then depthwise separable ones (Howard et al. 2017, "MobileNets"): each
filters every channel alone, 3×3, and then mixes channels, 1×1. The mean of every channel decides.
"""

from typing import Any

from torch import nn

# Of the first convolution: bands and frames. The paper's are 10 frames × 4 coefficients.
_KERNEL = (4, 10)


def build(input_shape: tuple[int, int, int], classes: int, filters: int = 64, blocks: int = 4) -> nn.Module:
    """float32 [N, C, bands, frames] -> logits [N, classes]. 23,050 parameters for 1×28×28 and 10 classes.

    filters  channels of every layer: 64 is the paper's small network
    blocks   depthwise separable convolutions
    """
    for name, stated in (("filters", filters), ("blocks", blocks)):
        given: Any = stated
        if type(given) is not int or given < 1:
            raise ValueError(f"{name} is {stated!r}; allowed is a whole number from 1 on")
    layers: list[nn.Module] = [
        nn.Conv2d(input_shape[0], filters, _KERNEL, stride=2, padding=(2, 5), bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    ]
    for _ in range(blocks):
        layers += [*_depthwise(filters), *_pointwise(filters)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(filters, classes))


def _depthwise(filters: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(filters, filters, kernel_size=3, padding=1, groups=filters, bias=False)
    return convolution, nn.BatchNorm2d(filters), nn.ReLU()


def _pointwise(filters: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(filters, filters, kernel_size=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()
