"""Networks that cannot go the whole way, or whose outputs are no logits."""

import asyncio
import sys
from typing import Any

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


class complex_weights(nn.Module):
    """Filters in the frequency domain."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.ones(shape[1], shape[2] // 2 + 1, dtype=torch.complex64))
        self.body = around(shape, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(torch.fft.irfft2(torch.fft.rfft2(x) * self.filter, s=x.shape[-2:]))


class state_beside_tensors(nn.Module):
    """A state_dict that could be stored as a pickle alone."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around(shape, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def get_extra_state(self) -> Any:
        return {"steps": 1}

    def set_extra_state(self, state: Any) -> None: ...


class state_that_is_a_tensor(state_beside_tensors):
    def get_extra_state(self) -> Any:
        return torch.ones(2)


def ends_the_process(shape: Shape, classes: int) -> nn.Module:
    sys.exit("no licence")


def ends_it_by_another_exception(shape: Shape, classes: int) -> nn.Module:
    raise asyncio.CancelledError("cancelled")


def ends_it_while_it_runs(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: sys.exit(3)))


class ends_it_in_evaluation(nn.Module):
    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body, self.trained = around(shape, classes), False

    def forward(self, x: Tensor) -> Tensor:
        self.trained = self.trained or (self.training and len(x) > 2)
        if self.trained and not self.training:
            sys.exit(3)
        return self.body(x)


def nothing(shape: Shape, classes: int) -> nn.Module:
    return None  # type: ignore[return-value]
