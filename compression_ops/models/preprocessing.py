"""A network that takes something else than normalized samples, float32 [N, ...], as one that takes them.

Preprocessed  images of another size or normalization than the data have
Indexed       indices, int64, as an embedding does
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Preprocessed(nn.Module):
    """`network`, which sees float32 [N, C, H, W] as x * scale + shift, resized to `size` × `size`.

    scale, shift  a number a channel; none for no change
    size          None for no change; bilinear, with antialiasing where images get smaller (as Pillow does it)
    """

    scale: Tensor | None
    shift: Tensor | None

    def __init__(self, network: nn.Module, size: int | None, scale: Sequence[float], shift: Sequence[float]) -> None:
        super().__init__()
        self.network, self.size = network, size
        for name, values in (("scale", scale), ("shift", shift)):
            column = torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1) if values else None
            self.register_buffer(name, column, persistent=False)  # they stand in `model.json`

    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.prepared(images))

    def prepared(self, images: Tensor) -> Tensor:
        """What the network is given of them."""
        if self.scale is not None and self.shift is not None:
            images = images * self.scale + self.shift
        if self.size is not None and images.shape[2:] != (self.size, self.size):
            smaller = self.size < min(images.shape[2:])
            images = functional.interpolate(images, (self.size, self.size), mode="bilinear", antialias=smaller)
        return images


class Indexed(nn.Module):
    """`network`, which sees whole numbers from 0 to `count` - 1, int64 [N, ...]; others are the nearest of them.

    Exporters and checks ask a network about any float32, and a table has no row for another index.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self.network, self.count = network, count

    def forward(self, samples: Tensor) -> Tensor:
        return self.network(self.prepared(samples))

    def prepared(self, samples: Tensor) -> Tensor:
        """What the network is given of them."""
        return samples.long().clamp(0, self.count - 1)


def bare(model: nn.Module) -> nn.Module:
    """The network itself, without what prepares its samples."""
    return model.network if isinstance(model, Preprocessed | Indexed) else model
