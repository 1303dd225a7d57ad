"""A student and data to quantize it with: random images, whose labels are the float network's own answers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from compression_ops.data import dataset
from compression_ops.data.dataset import Description, Split
from compression_ops.models import inference
from compression_ops.models.network import Network, load, save


def write(
    root: Path, make: Callable[[], nn.Module], factory: str, description: Description, counts: Mapping[str, int]
) -> dict[str, Path]:
    """The folders of both inputs: what is lost of the accuracy is lost by rounding.

    make      the network, from the generator's state
    factory   of the same network, as a recipe names it
    counts    images of each split
    """
    student, data = root / "student", root / "dataset"
    student.mkdir()
    data.mkdir()
    shape = description.input_shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network = make()
    save(student, Network(factory, shape, len(description.classes)), network.eval())
    generator = torch.Generator().manual_seed(0)
    for name, count in counts.items():
        images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
        answers = inference.logits(load(student), images, description).argmax(1)
        dataset.save_split(data, name, Split(images, answers))
    dataset.save_description(data, description)
    return {"dataset": data, "student": student}
