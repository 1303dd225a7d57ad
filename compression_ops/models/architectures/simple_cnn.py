"""SimpleCNN, the article's teacher: two unpadded 3×3 convolutions and one fully connected layer."""

from collections import OrderedDict

from torch import nn


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """float32 [N, C, H, W] with H and W >= 5 -> logits [N, classes]. 189,130 parameters for 28×28 and 10 classes.

    The article flattens to 32·6·6; each unpadded 3×3 convolution takes 2 rows and 2 columns, so 28×28 ends as 32·24·24.
    """
    channels, height, width = input_shape
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 16, kernel_size=3),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(16, 32, kernel_size=3),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(32 * (height - 4) * (width - 4), classes),
        )
    )
