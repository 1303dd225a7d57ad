"""Networks that cannot go the whole way, or whose outputs are no logits."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.compression_ops.zoo.blocks import WIDTH, Applied, Shape, around, convolution


def softmax(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(around(shape, classes, convolution()), nn.Softmax(1))


def sigmoid(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(around(shape, classes, convolution()), nn.Sigmoid())


def random_in_evaluation(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: functional.dropout(x, 0.5)))


def branch_on_data(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: x * 2 if x.mean() > 0.1 else x))


def other_classes(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes + 1)


def tuple_in_evaluation(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(around(shape, classes), Applied(lambda x: (x, x)))  # type: ignore[arg-type, return-value]


def mixes_samples(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: x - x.mean(dim=0, keepdim=True)))


def no_gradient(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(around(shape, classes), Applied(lambda x: functional.one_hot(x.argmax(1), classes).float()))


def not_a_number(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: torch.log(-x.abs() - 1)))


class features_first(nn.Module):
    """While it trains, its features come before its logits, as for metric learning."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.stem, self.head = around(shape, WIDTH), nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.stem(x)
        return (x, self.head(x)) if self.training else self.head(x)


class forgetful(nn.Module):
    """Its forward depends on a tensor that is not saved."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around(shape, classes)
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.seen: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen = self.seen + 1
        return self.body(x) * (1 + self.seen)


class views_of_one_tensor(nn.Module):
    """Two weights that overlap in part."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around(shape, classes)
        both = torch.ones(3, WIDTH)
        self.register_buffer("first", both[:2])
        self.register_buffer("second", both[1:])

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
