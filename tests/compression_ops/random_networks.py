"""Small networks with random weights, and their exports, for tests that need a model but no training."""

from functools import cache

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from compression_ops.onnx_model import export

SHAPE = (1, 12, 12)
CLASSES = 5


class Small(nn.Module):
    """A convolution with batch norm, a residual block, pooling and a linear layer: 4,309 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.third = nn.Conv2d(16, 12, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x)).relu()
        x = nn.functional.max_pool2d((x + self.second(x)).relu(), 2)
        return self.head(self.pool(nn.functional.relu6(self.third(x))).flatten(1))


def small() -> Small:
    """Always the same weights; running statistics as after some training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Small()
        nn.init.normal_(model.norm.bias)
        model.norm.running_mean = torch.randn(16) * 0.1
        model.norm.running_var = torch.rand(16) + 0.2
    return model.eval()


@cache
def _exported() -> bytes:
    return export.export(small(), SHAPE).SerializeToString(deterministic=True)


def exported() -> onnx.ModelProto:
    """`small()` as ONNX; exported once a process."""
    return onnx.ModelProto.FromString(_exported())


def images(count: int, seed: int = 0) -> np.ndarray:
    """float32 [count, *SHAPE], standard normal."""
    return np.random.default_rng(seed).standard_normal((count, *SHAPE), dtype=np.float32)
