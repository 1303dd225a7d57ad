"""What a large data set costs: memory, and how fast it is read, stored and trained on.

    python benchmarks/data_size.py [--megabytes 492] [--pictures 1500] [--runs 3] [--epochs 3]

A NumPy archive of so many megabytes (RGB, 64 x 64) and a folder of PNG pictures (RGB, 300 x 300, half noise) are made
below a temporary folder. In a process of its own each, the stage `dataset` stores them, a network is trained on what
was stored (all in turn as it lies on the disk and held in memory), and `compression run` makes the data set with all
that belongs to it. Peaks are the kernel's high-water marks of resident memory, libraries counted; the other figures are
medians. What is asked stands beside them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

_PROJECT = Path(__file__).resolve().parent.parent
_SIDE, _CLASSES, _PNG_SIDE = 64, 10, 300
_TRAINED = 4096
_PIXELS = 3 * _SIDE * _SIDE
_RECIPE = """type: pipelines.CompressionPipeline
attributes:
  dataset: {{source: npz, path: {npz}}}
  teacher: {{architecture: strided_cnn, epochs: 1, learning_rate: 0.01}}
  soft_labels: {{views: 1}}
  students:
    small: {{architecture: strided_cnn, epochs: 1, learning_rate: 0.01, loss: {{type: kd, temperature: 4, alpha: 0.9}}}}
  quantized_students:
    int8: {{student: small, calibration: {{method: minmax, samples: 64}}}}
"""


def main() -> None:
    """Measure and print; with `--part`, be the process that one part is measured in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=492)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="of either side, in turn")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        name, folder = arguments.part
        print(json.dumps(_PARTS[name](Path(folder), arguments)))
        return
    with tempfile.TemporaryDirectory(prefix="data-size-") as folder:
        _measure(Path(folder), arguments)


def _measure(root: Path, arguments: argparse.Namespace) -> None:
    _write_npz(root / "data.npz", arguments.megabytes * 10**6 // _PIXELS)
    _write_pictures(root / "pictures", arguments.pictures)
    asked = "  (asked: {})".format
    archive = [_part("npz", root, arguments) for _ in range(arguments.runs)]
    speed = statistics.median(arguments.megabytes / one["seconds"] for one in archive)
    print(f"stage dataset, npz        {speed:7.0f} MB/s       {asked('at least 100')}")
    print(f"  peak resident           {_peak(archive):7.0f} MB         {asked('at most 1000')}")
    pictures = [_part("pictures", root, arguments) for _ in range(arguments.runs)]
    speed = statistics.median(arguments.pictures / one["seconds"] for one in pictures)
    print(f"stage dataset, PNG        {speed:7.0f} pictures/s {asked('at least 300')}")
    print(f"  peak resident           {_peak(pictures):7.0f} MB         {asked('at most 1000')}")
    epochs = _part("epochs", root, arguments)
    ratio = statistics.median(memory / disk for disk, memory in epochs["pairs"])
    print(f"speed of an epoch, as stored / in memory {ratio:.2f}     {asked('at least 0.9')}")
    whole = _part("train", root, arguments)
    print(f"training, peak resident   {whole['peak'] / 1e6:7.0f} MB         {asked('at most 1000 beyond the batch')}")
    print(f"  before it began         {whole['before'] / 1e6:7.0f} MB")
    seconds, peak = _run(root)
    print(
        f"compression run, npz      {arguments.megabytes / seconds:7.0f} MB/s        ({seconds:.1f} s, start counted)"
    )
    print(f"  peak resident           {peak / 1e6:7.0f} MB         {asked('at most 1000')}")


def _peak(parts: list[dict[str, Any]]) -> float:
    return statistics.median(one["peak"] for one in parts) / 1e6


def _write_npz(path: Path, samples: int) -> None:
    """Uncompressed, as numpy.savez writes it, but a block at a time."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (samples, _SIDE, _SIDE, 3)}
            np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
            for start in range(0, samples, 1000):
                member.write(random.integers(0, 256, (min(1000, samples - start), _PIXELS), np.uint8).tobytes())
        with archive.open("labels.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(samples) % _CLASSES)  # type: ignore[arg-type]


def _write_pictures(folder: Path, count: int) -> None:
    for label in range(_CLASSES):
        (folder / f"class{label}").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(_write_picture, [folder] * count, range(count), chunksize=16))


def _write_picture(folder: Path, number: int) -> None:
    """A smooth gradient with noise, so that it compresses about as a photograph does."""
    from PIL import Image

    random = np.random.default_rng(number)
    rows, columns = np.mgrid[0:_PNG_SIDE, 0:_PNG_SIDE]
    slopes = random.uniform(-0.4, 0.4, (2, 3))
    smooth = 128 + rows[..., None] * slopes[0] + columns[..., None] * slopes[1]
    picture = np.clip(smooth + random.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(folder / f"class{number % _CLASSES}" / f"{number:06}.png")


def _part(name: str, root: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """What one part found in a process of its own."""
    options = ["--epochs", str(arguments.epochs), "--megabytes", str(arguments.megabytes)]
    command = [sys.executable, __file__, "--part", name, str(root), *options]
    environment = os.environ | {"PYTHONPATH": str(_PROJECT)}
    return json.loads(subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout)


def _stage(parameters: dict[str, Any], raw: Path, output: Path) -> dict[str, Any]:
    import importlib

    from compression_ops.stages import dataset
    from compression_ops.stages.stage import Context

    source = importlib.import_module(f"compression_ops.data.sources.{parameters['source']}")
    spec = {"npz": "NPZ", "image_folder": "ImageFolder"}[parameters["source"]]
    output.mkdir(exist_ok=True)
    started = time.perf_counter()
    dataset.run(getattr(source, spec).model_validate(parameters), {"raw_data": raw}, Context(output))
    return {"seconds": time.perf_counter() - started, "peak": _status("VmHWM")}


def _npz(root: Path, _: argparse.Namespace) -> dict[str, Any]:
    path = root / "data.npz"
    return _stage({"source": "npz", "path": str(path)}, path, root / "stored")


def _pictures(root: Path, _: argparse.Namespace) -> dict[str, Any]:
    path = root / "pictures"
    parameters = {"source": "image_folder", "path": str(path), "image_size": _PNG_SIDE}
    return _stage(parameters, path, root / "stored_pictures")


def _epochs(root: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of an epoch (as stored, in memory), in turn, of some samples of the file."""
    from compression_ops.data.dataset import Split
    from compression_ops.training.loop import Data, load_data

    stored = load_data(root / "stored")
    images, labels = stored.train.samples[:_TRAINED], stored.train.labels[:_TRAINED]
    few = Split(stored.validation.samples[:128], stored.validation.labels[:128])
    data = [Data(Split(each, labels), few, stored.description) for each in (images, images.clone())]
    for each in data:
        _train(each, 1)
    return {"pairs": [[_train(each, 1) for each in data] for _ in range(arguments.epochs)]}


def _whole_training(root: Path, _: argparse.Namespace) -> dict[str, Any]:
    from compression_ops.training.loop import load_data

    before = _status("VmHWM")
    _train(load_data(root / "stored"), 1)
    return {"before": before, "peak": _status("VmHWM")}


def _train(data: Any, epochs: int) -> float:
    from compression_ops.data.views import Views
    from compression_ops.models.network import Network
    from compression_ops.training.hyperparameters import Training
    from compression_ops.training.loop import train_network
    from compression_ops.training.objective import supervised

    network = Network("strided_cnn", (3, _SIDE, _SIDE), _CLASSES)
    training = Training.model_validate({"epochs": epochs, "batch_size": 128, "learning_rate": 0.001})
    started = time.perf_counter()
    train_network(network, data, training, Views(views=1), lambda _: supervised())
    return (time.perf_counter() - started) / epochs


def _run(root: Path) -> tuple[float, int]:
    """Seconds and peak of `compression run`, which digests, stores, verifies, judges and records, too."""
    (root / "recipes" / "large").mkdir(parents=True)
    (root / "recipes" / "large" / "defs.yaml").write_text(_RECIPE.format(npz=root / "data.npz"))
    settings = {"COMPRESSION_HOME": str(root / "home"), "COMPRESSION_DEFS": str(root / "recipes")}
    command = [sys.executable, "-m", "pipelines.cli.main", "run", "large", "--select", "dataset"]
    environment = os.environ | settings | {"PYTHONPATH": str(_PROJECT)}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


_PARTS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "npz": _npz,
    "pictures": _pictures,
    "epochs": _epochs,
    "train": _whole_training,
}


if __name__ == "__main__":
    main()
