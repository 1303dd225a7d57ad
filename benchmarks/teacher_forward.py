"""The teacher's forward pass over a view, as `soft_labels` runs it: in torch, and in onnxruntime.

    python benchmarks/teacher_forward.py [--architecture vgg] [--shape 1 28 28] [--images 6400] [--runs 5]

A network with random weights labels random images; the augmentation is that of the recipe `mnist`. `torch` is the
forward of a network that torch loads, `torch, channels last` what labels where a network cannot be exported. All are
timed in turn, after a warm-up; the figures are medians, in GFLOP/s of the network alone (2 a multiply-accumulate).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Description
from compression_ops.data.views import Views
from compression_ops.distillation.labelling import label_views
from compression_ops.evaluation import cost
from compression_ops.models.inference import BATCH_SIZE, logits
from compression_ops.models.network import Network, build, load, save
from compression_ops.onnx_model.export import export_saved
from compression_ops.onnx_model.inference import Forward, in_torch, open_forward

_CLASSES = 10
_VIEWS = Views(augmentation=Augmentation(translate=1.5, rotate=10.0, scale=0.1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="vgg")
    parser.add_argument("--shape", type=int, nargs=3, default=(1, 28, 28))
    parser.add_argument("--images", type=int, default=6400)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    shape: tuple[int, int, int] = tuple(arguments.shape)
    description = Description(tuple(map(str, range(_CLASSES))), shape, (0.13,) * shape[0], (0.3,) * shape[0])
    images = torch.randint(0, 256, (arguments.images, *shape), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        teacher = Path(folder)
        network = Network(arguments.architecture, shape, _CLASSES)
        save(teacher, network, build(network))
        macs = cost.measure(export_saved(teacher).SerializeToString()).macs
        started = time.perf_counter()
        forward = open_forward(teacher, description, images[:BATCH_SIZE])
        print(f"{macs / 1e6:.2f} M multiply-accumulates an image, {torch.get_num_threads()} threads")
        print(f"opened, exported before, in {time.perf_counter() - started:.2f} s; {forward.warning or 'no warning'}")
        plain = load(teacher)
        ways = {
            "torch": Forward(lambda pixels: logits(plain, pixels, description)),
            "torch, channels last": in_torch(load(teacher), description),
            "onnxruntime": forward,
        }
        _compare(ways, images, description, 2 * macs * len(images), arguments.runs)


def _compare(ways: dict[str, Forward], images: Tensor, description: Description, operations: int, runs: int) -> None:
    labels = {name: _label(way, images, description) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            seconds[name].append(_seconds(lambda way=way: _label(way, images, description)))
    for name, values in seconds.items():
        print(f"{name:22} {operations / statistics.median(values) / 1e9:6.0f} GFLOP/s")
    ratio = statistics.median(a / b for a, b in zip(seconds["torch"], seconds["onnxruntime"], strict=True))
    expected = labels["torch"]
    error = (labels["onnxruntime"] - expected).abs().max() / (expected.max() - expected.min())
    print(f"onnxruntime / torch {ratio:.2f}; largest difference of the stored logits {error:.1e} of their range")


def _label(way: Forward, images: Tensor, description: Description) -> Tensor:
    return next(label_views(way, images, description, _VIEWS)).float()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
