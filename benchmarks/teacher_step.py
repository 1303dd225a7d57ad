"""A training step of the teacher in float32 and in bfloat16 (`precision: bfloat16`).

    python benchmarks/teacher_step.py [--architecture vgg] [--shape 1 28 28] [--batch-size 128] [--steps 30] [--runs 5]

Both train on the same random images through the one training loop, in turn, after a warm-up; an epoch's seconds hold
the validation of one batch. The figures are medians of milliseconds a step.
"""

import argparse
import statistics

import torch

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Description, Split
from compression_ops.data.views import Views
from compression_ops.models.network import Network
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Data, train_network
from compression_ops.training.objective import supervised

_CLASSES = 10
_PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="vgg")
    parser.add_argument("--shape", type=int, nargs=3, default=(1, 28, 28))
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=30, help="a run")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    shape: tuple[int, int, int] = tuple(arguments.shape)
    data = _data(shape, arguments.steps * arguments.batch_size)
    network = Network(arguments.architecture, shape, _CLASSES)
    milliseconds: dict[str, list[float]] = {precision: [] for precision in _PRECISIONS}
    for _ in range(arguments.runs):
        for precision in _PRECISIONS:
            seconds = _epoch(network, data, arguments.batch_size, precision)
            milliseconds[precision].append(1000 * seconds / arguments.steps)
    for precision, values in milliseconds.items():
        print(f"{precision:9} {statistics.median(values):6.1f} ms a step   ({min(values):.1f} to {max(values):.1f})")
    pairs = zip(milliseconds["bfloat16"], milliseconds["float32"], strict=True)
    ratio = statistics.median(bfloat16 / float32 for bfloat16, float32 in pairs)
    print(f"bfloat16 / float32 {ratio:.2f}, {torch.get_num_threads()} threads")


def _data(shape: tuple[int, int, int], samples: int) -> Data:
    description = Description(tuple(map(str, range(_CLASSES))), shape, (0.13,) * shape[0], (0.3,) * shape[0])
    images = torch.randint(0, 256, (samples, *shape), dtype=torch.uint8)
    split = Split(images, torch.randint(0, _CLASSES, (samples,)))
    return Data(split, Split(images[:64], split.labels[:64]), description)


def _epoch(network: Network, data: Data, batch_size: int, precision: str) -> float:
    """Seconds of the second epoch: the first one warms up."""
    stated = {"epochs": 2, "batch_size": batch_size, "learning_rate": 0.001, "precision": precision}
    training = Training.model_validate(stated)
    views = Views(views=2, augmentation=Augmentation(translate=1.5, rotate=10.0, scale=0.1))
    return train_network(network, data, training, views, lambda _: supervised()).history[-1]["seconds"]


if __name__ == "__main__":
    main()
