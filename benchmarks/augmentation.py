"""What an augmentation costs an image, against a training step of small networks.

    python benchmarks/augmentation.py [--shape 3 32 32] [--batch-size 128] [--runs 9]

One thread, processor time, the fastest of the runs, so that a busy machine tells nearly the same. A view is replayed as
a training does it; a step is forward, backward and AdamW on a batch that is there already.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Description
from compression_ops.data.view import View
from compression_ops.data.views import Views
from compression_ops.models.network import Network, build
from compression_ops.training import memory

_CLASSES = 10
_BATCHES = 4
_COLOURS = {"color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}}
_STATED = {
    "none": {},
    "affine": {"translate": 2.0, "rotate": 10.0, "flip": True},
    "random_crop": {"random_crop": {"padding": 4}},
    "color_jitter": _COLOURS,
    "cutout": {"cutout": {"size": 8}},
    "mixup": {"mixup": {"alpha": 0.2}},
    "crop, flip, cutout": {"random_crop": {"padding": 4}, "flip": True, "cutout": {"size": 8}},
}
_ALL = {key: value for stated in list(_STATED.values())[1:] for key, value in stated.items()}
_ARCHITECTURES = ("strided_cnn", "simple_cnn", "resnet")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(3, 32, 32))
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    shape: tuple[int, int, int] = tuple(arguments.shape)
    torch.set_num_threads(1)
    with memory.kept():
        for name, work in (*_views(shape, arguments.batch_size), *_steps(shape, arguments.batch_size)):
            seconds = min(_seconds(work) for _ in range(arguments.runs))
            print(f"{name:45} {1e6 * seconds / (_BATCHES * arguments.batch_size):8.1f} µs an image")


def _views(shape: tuple[int, int, int], batch_size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    images = torch.randint(0, 256, (_BATCHES * batch_size, *shape), dtype=torch.uint8)
    description = Description(tuple(map(str, range(_CLASSES))), shape, (0.5,) * shape[0], (0.2,) * shape[0])
    batches = torch.randperm(len(images)).split(batch_size)
    unmixed = {key: value for key, value in _ALL.items() if key != "mixup"}
    for name, stated in {**_STATED, "all without mixup": unmixed, "all": _ALL}.items():
        view = Views(augmentation=Augmentation.model_validate(stated)).view(0, images, description)
        yield name, partial(_replay, view, batches)


def _replay(view: View, batches: Iterable[Tensor]) -> None:
    for rows in batches:
        view.pixels(rows)  # and forgotten, as a training forgets it


def _steps(shape: tuple[int, int, int], batch_size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    inputs, labels = torch.randn(batch_size, *shape), torch.randint(0, _CLASSES, (batch_size,))
    for architecture in _ARCHITECTURES:
        model = build(Network(architecture, shape, _CLASSES)).train()
        optimizer = torch.optim.AdamW(model.parameters())

        def step(model: torch.nn.Module = model, optimizer: torch.optim.Optimizer = optimizer) -> None:
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()

        parameters = sum(parameter.numel() for parameter in model.parameters())
        yield (
            f"a step of {architecture}, {parameters:,} parameters",
            lambda step=step: [step() for _ in range(_BATCHES)],
        )


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
