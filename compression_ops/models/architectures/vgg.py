"""VGG at half width and with batch norm: a teacher that trains fast and has much to compress.

Configuration A of Simonyan & Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
table 1, with half its filters and one hidden layer of 1024 units instead of two of 4096.
"""

from torch import nn

from compression_ops.errors import ModelError

_BLOCKS = ((32,), (64,), (128, 128), (256, 256), (256, 256))
_HIDDEN = 1024


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] with H and W >= 2 -> logits [N, classes].

    A block is one or two 3×3 convolutions and a 2×2 max pooling. As in the paper, where 224×224 takes all five blocks,
    blocks follow each other until the image is 7×7 or smaller: two for 28×28 (3,241,450 parameters), three for 32×32.
    """
    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for block in _BLOCKS:
        if layers and max(height, width) <= 7:
            break
        if min(height, width) < 2:
            raise ModelError(f"vgg cannot halve images of {input_shape[1]}×{input_shape[2]}; use a larger image_size.")
        for filters in block:
            layers += [nn.Conv2d(channels, filters, kernel_size=3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
        height, width = height // 2, width // 2
    hidden = nn.Linear(channels * height * width, _HIDDEN)
    return nn.Sequential(*layers, nn.Flatten(), hidden, nn.ReLU(), nn.Dropout(0.5), nn.Linear(_HIDDEN, classes))
