"""A multilayer perceptron: fully connected layers with a ReLU after each but the last (Rumelhart, Hinton & Williams
1986, "Learning representations by back-propagating errors", with the ReLU of Nair & Hinton 2010).
"""

import math
from collections.abc import Sequence

from torch import nn


def build(input_shape: tuple[int, ...], classes: int, hidden: Sequence[int] = (64, 32)) -> nn.Module:
    """float32 [N, *input_shape] -> logits [N, classes]. 52,650 parameters for 28×28 and 10 classes.

    hidden  units of each hidden layer, first to last; none is logistic regression
    """
    if not all(type(units) is int and units >= 1 for units in hidden):
        raise ValueError(f"hidden is {list(hidden)}; allowed are whole numbers, 1 and more: the units of each layer")
    layers: list[nn.Module] = [nn.Flatten()]
    units = math.prod(input_shape)
    for wider in hidden:
        layers += [nn.Linear(units, wider), nn.ReLU()]
        units = wider
    return nn.Sequential(*layers, nn.Linear(units, classes))
