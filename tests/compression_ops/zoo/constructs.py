"""Networks that train, export and quantize."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from tests.compression_ops.zoo.blocks import (
    WIDTH,
    Applied,
    Scaled,
    Shape,
    Sum,
    around,
    convolution,
    flattened,
    halves_gated,
    shuffled,
)


def residual(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Sum(nn.Sequential(convolution(), nn.BatchNorm2d(WIDTH))), nn.ReLU())


def dense(shape: Shape, classes: int) -> nn.Module:
    grown = Applied(lambda x: torch.cat([x, functional.relu(x - 0.5)], dim=1))
    return around(shape, classes, grown, convolution(2 * WIDTH), nn.ReLU())


def depthwise(shape: Shape, classes: int) -> nn.Module:
    pointwise = nn.Conv2d(WIDTH, WIDTH, 1)
    return around(shape, classes, convolution(groups=WIDTH), nn.BatchNorm2d(WIDTH), nn.ReLU6(), pointwise, nn.ReLU())


def grouped(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(groups=2), nn.ReLU())


def dilated_and_strided(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(dilation=2, padding=2), nn.ReLU(), convolution(stride=2))


def squeeze_excite(shape: Shape, classes: int) -> nn.Module:
    squeeze = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(WIDTH, 2, 1), nn.ReLU(), nn.Conv2d(2, WIDTH, 1)]
    return around(shape, classes, Scaled(nn.Sequential(*squeeze, nn.Hardsigmoid())))


def silu(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.SiLU())


def hard_swish(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.Hardswish())


def gelu(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.GELU(), convolution(), nn.GELU(approximate="tanh"))


def prelu(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.PReLU(WIDTH), convolution(), nn.PReLU())


def other_activations(shape: Shape, classes: int) -> nn.Module:
    kinds = [nn.LeakyReLU(0.1), nn.ELU(), nn.Mish(), nn.Softplus(), nn.Tanh(), nn.Hardtanh(-0.5, 0.5)]
    return around(shape, classes, *(module for kind in kinds for module in (convolution(), kind)))


def gated_linear_unit(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(outputs=2 * WIDTH), Applied(halves_gated))


def group_norm(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.GroupNorm(2, WIDTH), nn.ReLU())


def instance_norm(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), nn.InstanceNorm2d(WIDTH, affine=True), nn.ReLU())


def layer_norm(shape: Shape, classes: int) -> nn.Module:
    last = Applied(lambda x: x.permute(0, 2, 3, 1))
    back = Applied(lambda x: x.permute(0, 3, 1, 2))
    return around(shape, classes, convolution(), last, nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU(), back)


def batch_norm_first(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(shape[0]), around(shape, classes, nn.BatchNorm2d(WIDTH), convolution()))


def transposed_convolution(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, nn.ConvTranspose2d(WIDTH, WIDTH, 2, stride=2), nn.ReLU())


def pixel_shuffle(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(outputs=4 * WIDTH), nn.PixelShuffle(2), nn.ReLU())


def channel_shuffle(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(groups=2), Applied(shuffled), convolution(groups=2), nn.ReLU())


def upsampling(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, nn.Upsample(scale_factor=2, mode="bilinear"), convolution(), nn.ReLU())


def other_paddings(shape: Shape, classes: int) -> nn.Module:
    modes = ("circular", "reflect", "replicate")
    return around(shape, classes, *(layer for mode in modes for layer in (convolution(padding_mode=mode), nn.ReLU())))


def uneven_adaptive_pooling(shape: Shape, classes: int) -> nn.Module:
    return flattened(shape, classes, nn.AdaptiveAvgPool2d(3), size=9 * WIDTH)


def pooling_with_minus_infinity(shape: Shape, classes: int) -> nn.Module:
    padded = Applied(lambda x: functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), value=float("-inf")), 2, 1))
    return around(shape, classes, padded, convolution(), nn.ReLU())


def dropout(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, nn.Dropout2d(0.1), convolution(), nn.ReLU(), nn.Dropout(0.1))


def weight_norm_old(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, weight_norm(convolution()), nn.ReLU())


def weight_norm_new(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, parametrizations.weight_norm(convolution()), nn.ReLU())


def spectral_norm_old(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, spectral_norm(convolution()), nn.ReLU())


def constants_on_either_side(shape: Shape, classes: int) -> nn.Module:
    scale = torch.linspace(0.5, 1.5, WIDTH).view(1, -1, 1, 1)
    sides = Applied(lambda x: 1.5 - scale * x * 2.0 + 0.1)
    return around(shape, classes, convolution(), nn.ReLU(), sides, convolution(), Applied(lambda x: 0.5 * x - 1.0))


def one_tensor_twice(shape: Shape, classes: int) -> nn.Module:
    return around(
        shape, classes, Applied(lambda x: x * x + x), Applied(lambda x: torch.cat([x, x], 1)), width=2 * WIDTH
    )


def view_after_convolutions(shape: Shape, classes: int) -> nn.Module:
    return flattened(shape, classes, convolution(), nn.ReLU(), Applied(lambda x: x.view(len(x), -1)))


def dead_channels(shape: Shape, classes: int) -> nn.Module:
    dead = convolution()
    with torch.no_grad():
        dead.weight[::2] = 0
        assert dead.bias is not None
        dead.bias[::2] = -10
    return around(shape, classes, dead, nn.ReLU(), convolution(), nn.ReLU())


def lazy(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(WIDTH, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(classes))


def log_softmax(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(around(shape, classes, convolution()), nn.LogSoftmax(1))


class recurrent(nn.Module):
    """Reads an image row by row."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.rows = nn.GRU(shape[0] * shape[2], 16, batch_first=True)
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rows(x.transpose(1, 2).flatten(2))[0][:, -1])


class tied_layers(nn.Module):
    """One layer under two names."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.stem = around(shape, WIDTH)
        self.first = self.second = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(functional.relu(self.first(self.stem(x)))))


class tied_weights(nn.Module):
    """One weight in two layers, once as it is and once transposed."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.stem = around(shape, WIDTH)
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.second.weight = self.first.weight
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.second(functional.relu(self.first(self.stem(x)))))
        return self.head(functional.linear(x, self.first.weight.t()))


class buffers(nn.Module):
    """One that is saved, one that is not, and one that counts."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around(shape, classes)
        self.register_buffer("scale", torch.full((1, shape[0], 1, 1), 1.5))
        self.register_buffer("offset", torch.full((), 0.25), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.scale: Tensor
        self.offset: Tensor
        self.calls: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return self.body(x * self.scale + self.offset)


class auxiliary_output(nn.Module):
    """A second output while it trains, as GoogLeNet and Inception have."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.stem, self.head, self.second = around(shape, WIDTH), nn.Linear(WIDTH, classes), nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.stem(x)
        return (self.head(x), self.second(x)) if self.training else self.head(x)


class stochastic_depth(nn.Module):
    """A branch that a training step may leave out (Huang et al. 2016)."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.stem, self.branch = convolution(shape[0]), convolution()
        self.head = around((WIDTH, *shape[1:]), classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        keep = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.8 if self.training else 1.0
        return self.head(x + keep * functional.relu(self.branch(x)))


def huge_offset(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, convolution(), Applied(lambda x: (x + 1e4) - 1e4), nn.ReLU())


def fourier_transform(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, Applied(lambda x: torch.log1p(torch.fft.fft2(x).abs())))


class volume(nn.Module):
    """A convolution over the channels, too, as over the frames of a film: its weights have five axes."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around((WIDTH, *shape[1:]), classes)
        self.stem = nn.Conv3d(1, WIDTH, (shape[0], 3, 3), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(functional.relu(self.stem(x.unsqueeze(1)).squeeze(2)))


def sorted_values(shape: Shape, classes: int) -> nn.Module:
    """Of which no shape can be inferred from here on."""
    return around(shape, classes, Applied(lambda x: x.flatten(2).sort(2).values.reshape(x.shape)))


class versioned(nn.Module):
    """It refuses a state that says nothing of its modules' versions, as torchvision's MNASNet."""

    _version = 2

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = around(shape, classes, convolution(), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def _load_from_state_dict(self, state: dict, prefix: str, metadata: dict, *rest: Any) -> None:
        if metadata.get("version") != self._version:
            raise ValueError(f"version should be {self._version} instead of {metadata.get('version')}")
        super()._load_from_state_dict(state, prefix, metadata, *rest)
