"""TinyCNN, the article's student: two unpadded 2×2 convolutions and one fully connected layer."""

from collections import OrderedDict

from torch import nn


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] with H and W >= 3 -> logits [N, classes]. 108,738 parameters for 28×28 and 10 classes.

    The article flattens to 16·3·3; each unpadded 2×2 convolution takes 1 row and 1 column, so 28×28 ends as 16·26·26.
    """
    channels, height, width = input_shape
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 8, kernel_size=2),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(8, 16, kernel_size=2),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(16 * (height - 2) * (width - 2), classes),
        )
    )
