"""The small residual network of He et al. 2016, "Deep Residual Learning for Image Recognition", §4.2, with 8 layers."""

from torch import Tensor, nn

_WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """y = relu(F(x) + x), F two 3×3 convolutions; where the shape changes, x passes a strided 1×1 convolution."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, filters, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, filters, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(filters)
            )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, channels, H, W] -> [N, filters, ⌈H / stride⌉, ⌈W / stride⌉]."""
        return self.relu(self.residual(x) + self.shortcut(x))


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] -> logits [N, classes]. 77,754 parameters for one channel and 10 classes."""
    stem, second, third = _WIDTHS
    return nn.Sequential(
        nn.Conv2d(input_shape[0], stem, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(stem),
        nn.ReLU(),
        Block(stem, stem, stride=1),
        Block(stem, second, stride=2),
        Block(second, third, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(third, classes),
    )
