"""Networks with attention: built in, written out, and with masks that no range of 256 steps reaches."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.compression_ops.zoo.blocks import WIDTH, Applied, Shape, around, convolution, tokens


def attention(shape: Shape, classes: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, dropout=0.0, batch_first=True)
    height, width = (shape[1] + 1) // 2, (shape[2] + 1) // 2
    back = Applied(lambda x: x.transpose(1, 2).reshape(len(x), -1, height, width))
    return around(shape, classes, Applied(tokens), layer, back)


class vision_transformer(nn.Module):
    """Patches, a class token, learned positions, attention written out."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(shape[0], 16, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.positions = nn.Parameter(torch.randn(1, 1 + (shape[1] // 2) * (shape[2] // 2), 16) * 0.02)
        self.norm, self.mixed, self.head = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = tokens(self.patches(x))
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.positions
        query, key, value = self.mixed(self.norm(x)).unflatten(2, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        x = x + functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        return self.head(x[:, 0])


class _Masked(nn.Module):
    """Attention in which each position sees those before it, by a number that is added to the scores of the others."""

    def __init__(self, hidden: float) -> None:
        super().__init__()
        self.projection = nn.Linear(WIDTH, 3 * WIDTH)
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.projection(tokens(x)).chunk(3, dim=-1)
        later = torch.ones(x.shape[2] * x.shape[3], x.shape[2] * x.shape[3]).triu(1)
        scores = query @ key.transpose(1, 2) + later.masked_fill(later > 0, self.hidden)
        return (scores.softmax(-1) @ value).transpose(1, 2).reshape(x.shape)


def mask_of_a_huge_number(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, _Masked(-1e9), convolution(), nn.ReLU())


def mask_of_minus_infinity(shape: Shape, classes: int) -> nn.Module:
    return around(shape, classes, _Masked(-float("inf")), convolution(), nn.ReLU())
