"""Quantized models of samples that are no images, with random weights, and such samples."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description
from compression_ops.data.modalities.signal import Signal
from compression_ops.data.modalities.table import Table
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.models.network import Network, build
from compression_ops.models.preprocessing import Indexed
from compression_ops.onnx_model import export
from compression_ops.quantization.precision import Precision
from tests.compression_ops.c_code import quantized

IDS, WORDS = 200, 12
CLASSES = ("a", "b", "c")


@dataclass(frozen=True)
class Kind:
    """Data, a network for them, and samples of a seed, [count, ...]."""

    description: Description
    network: Callable[[], nn.Module]
    samples: Callable[[int, int], np.ndarray]


class Padded(nn.Module):
    """What no architecture of the product has: rows that are padded, and joined before the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(IDS, 6)
        self.narrow, self.wide = nn.Conv1d(6, 10, 1), nn.Conv1d(6, 7, 5, padding=2, stride=1, dilation=1)
        self.pool, self.linear = nn.MaxPool1d(3, stride=2), nn.Linear(17 * 5, 3)

    def forward(self, ids: Tensor) -> Tensor:
        rows = self.embedding(ids).transpose(1, 2)
        both = torch.cat([torch.relu(self.narrow(rows)), torch.relu(self.wide(rows))], dim=1)
        return self.linear(self.pool(both).flatten(1))


class Beside(nn.Module):
    """Rows of two tables, joined along an axis before they are turned: 2 is that of the channels, 1 of the words."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis, self.one, self.other = axis, nn.Embedding(IDS, 6), nn.Embedding(IDS, 6)
        self.conv, self.linear = nn.LazyConv1d(5, 3), nn.LazyLinear(3)
        self(torch.zeros(1, WORDS, dtype=torch.int64))

    def forward(self, ids: Tensor) -> Tensor:
        both = torch.cat([self.one(ids), self.other(ids)], dim=self.axis)
        return self.linear(torch.relu(self.conv(both.transpose(1, 2))).flatten(1))


def rows(count: int, seed: int) -> np.ndarray:
    """float32 [count, 4]: numbers that are missing at times, categories, and what nobody looks at.

    Numbers that are far away are none of seed 0, by which models are calibrated.
    """
    generator = np.random.default_rng(seed)
    numbers, codes = generator.normal(size=(count, 2)), generator.integers(0, 4, count)
    found = np.stack([1 + 2 * numbers[:, 0], codes, 3e6 + 50 * numbers[:, 1], numbers[:, 0]], axis=1)
    found[::7, 0] = found[::11, 2] = np.nan
    if seed:
        found[5, [0, 2]] = 1e30, -1e30
    return found.astype(np.float32)


def ids(count: int, seed: int) -> np.ndarray:
    """int64 [count, words], of texts of every length, the empty one too."""
    generator = np.random.default_rng(seed)
    is_there = np.arange(WORDS) < generator.integers(0, WORDS + 1, (count, 1))
    return generator.integers(1, IDS, (count, WORDS)) * is_there


def recordings(count: int, seed: int) -> np.ndarray:
    """int16 [count, samples]: noise of every level, silence, and the largest steps that there are."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(count, 2048)) * 10 ** generator.uniform(0, 4.5, (count, 1))
    noise[0], noise[1, ::2] = -32768, 32767
    noise[2] = 0
    return np.clip(noise, -32768, 32767).astype(np.int16)


def _network(architecture: str, description: Description, **arguments: int) -> Callable[[], nn.Module]:
    indices = description.modality.indices()
    vocabulary = {} if indices is None else {"vocabulary": indices}
    network = Network(architecture, description.input_shape, len(CLASSES), arguments={**arguments, **vocabulary})
    return lambda: build(network) if indices is None else Indexed(build(network), indices)


_TABLE = Table(("a", "b /* b", "c", "d"), (None, ("x", "y", "z"), None, ()))
_SIGNAL = Signal(8000, 20, 256, 128, 60.0, 4000.0)
ROWS = Description(CLASSES, (4,), (1.0, 0.0, 3e6, 0.0), (2.0, 1.0, 50.0, 1.0), _TABLE)
TEXTS = Description(CLASSES, (WORDS,), (), (), Tokens("hashed", IDS))
RECORDINGS = Description(CLASSES, (2048,), (-8.0,) * 20, (3.0,) * 20, _SIGNAL)
KINDS = {
    "mlp": Kind(ROWS, _network("mlp", ROWS), rows),
    "text_cnn": Kind(TEXTS, _network("text_cnn", TEXTS, dimensions=7, filters=9), ids),
    "embedding_bag": Kind(TEXTS, _network("embedding_bag", TEXTS, dimensions=20), ids),
    "padded": Kind(TEXTS, lambda: Indexed(Padded(), IDS), ids),
    "beside": Kind(TEXTS, lambda: Indexed(Beside(2), IDS), ids),
    "ds_cnn": Kind(RECORDINGS, _network("ds_cnn", RECORDINGS, filters=8, blocks=2), recordings),
}


def model(name: str, file: Path, precision: Precision | None = None) -> Path:
    """Write `model.onnx`, the same each time, of one of the kinds."""
    kind = KINDS[name]
    return quantized.shipped(_exported(name), kind.samples(64, 0), kind.description, file, precision)


@cache
def _exported(name: str) -> onnx.ModelProto:
    kind = KINDS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return export.export(kind.network().eval(), kind.description.input_shape)
