"""A small separable data set, so that tests of training take milliseconds."""

from pathlib import Path

import torch

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Data

CLASSES = 3
SHAPE = (1, 8, 8)


def split(samples: int, seed: int) -> Split:
    """Class k is a bright bar in columns 2k and 2k + 1 of a noisy picture; the labels are in no order."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (samples,), generator=generator)
    images = torch.randint(0, 120, (samples, *SHAPE), generator=generator)
    for column in range(2):
        images[torch.arange(samples), 0, :, 2 * labels + column] += 100
    return Split(images.to(torch.uint8), labels)


def data(samples: int = 96) -> Data:
    train = split(samples, seed=0)
    pixels = train.samples.double() / 255
    description = Description(("a", "b", "c"), SHAPE, (pixels.mean().item(),), (pixels.std().item(),))
    return Data(train, split(48, seed=1), description)


def artifact(folder: Path, samples: int = 96) -> Path:
    """The data set as the dataset stage would write it."""
    folder.mkdir(parents=True)
    content = data(samples)
    for name, part in (("train", content.train), ("validation", content.validation), ("test", split(48, seed=2))):
        save_split(folder, name, part)
    save_description(folder, content.description)
    return folder


def training(**parameters: object) -> Training:
    """Hyperparameters of a training of `network`."""
    return Training.model_validate(parameters)


def linear(input_shape: tuple[int, int, int], classes: int) -> torch.nn.Module:
    """A factory by import path: logistic regression."""
    channels, height, width = input_shape
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(channels * height * width, classes))


def network(input_shape: tuple[int, int, int], classes: int) -> torch.nn.Module:
    """A factory for 8×8 images with all that could break determinism: convolution, batch norm, dropout."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(input_shape[0], 6, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(6),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Flatten(),
        torch.nn.Linear(96, classes),
    )


def wide(input_shape: tuple[int, int, int], classes: int, width: int = 4, bias: bool = True) -> torch.nn.Module:
    """A factory with arguments of its own."""
    convolution = torch.nn.Conv2d(input_shape[0], width, 3, bias=bias)
    return torch.nn.Sequential(convolution, torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(classes))
