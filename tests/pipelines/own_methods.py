"""A package `cameras` as a user writes it: a data source, a loss and a calibration method of their own."""

from pathlib import Path

SOURCE = '''\
"""Stripes of two directions, drawn from the seeds in a file."""
from pathlib import Path
from typing import Literal

from pydantic import Field

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.spec import DatasetSpec

RESOURCES = ("classes.txt",)


class Stripes(DatasetSpec):
    source: Literal["cameras.source"]
    path: str
    noise: int = Field(default=20, ge=0, le=100)


def locate(spec, folders):
    return Path(spec.path) if Path(spec.path).is_file() else None


def files(spec, root):
    return [root]


def read(spec, root):
    import numpy as np

    generator = np.random.default_rng(int(root.read_text()))
    labels = np.arange(120) % 2
    across = np.arange(8) // 2 % 2 * 200
    images = np.stack([np.broadcast_to(across[:, None] if label else across, (8, 8)) for label in labels])
    noisy = images + generator.integers(0, spec.noise + 1, images.shape)
    classes = Path(__file__).with_name("classes.txt").read_text().split()
    return RawData(Samples(noisy[:, None].astype(np.uint8), labels.astype(np.int64)), HoldOut(0.2), tuple(classes))
'''
LOSS = """\
from typing import Literal

from pydantic import Field

from compression_ops.spec import Spec


class MSE(Spec):
    type: Literal["cameras.mse"]
    weight: float = Field(default=1.0, gt=0)


def loss(spec, student_logits, teacher_logits, labels):
    import torch

    return spec.weight * torch.nn.functional.mse_loss(student_logits, teacher_logits.float())
"""
CALIBRATION = """\
from compression_ops.spec import Spec


class Halved(Spec):
    method: str
    samples: int = 16


def calibrate(spec, replay):
    from compression_ops.quantization import activations

    return {name: (low / 2, high / 2) for name, (low, high) in activations.bounds(replay).items()}
"""


def write(folder: Path) -> Path:
    """The package, below a folder that is to be on the path; returns the package's folder."""
    package = folder / "cameras"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "source.py").write_text(SOURCE)
    (package / "classes.txt").write_text("upright flat\n")
    (package / "mse.py").write_text(LOSS)
    (package / "halved.py").write_text(CALIBRATION)
    return package
