"""What a tool is given and what it hands back, as files: its process knows nothing of this product.

    python -m benchmarks.peers.<tool> GIVEN OUTPUT

GIVEN holds `float.onnx`, input `input` float32 [batch, C, H, W], output `logits`; `float.pt2`, the same network as
torch.export saves it; and `calibration.npy`, float32 [N, C, H, W]. OUTPUT then holds `<way>.onnx` for each way in which
the tool quantizes that did not fail, and `result.json` with all of them.
"""

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

MODEL, TORCH_MODEL, CALIBRATION, RESULT = "float.onnx", "float.pt2", "calibration.npy", "result.json"
RUNS = 3
Images = np.ndarray


@dataclass(frozen=True)
class Way:
    """One way in which a tool quantizes.

    call  what is called, as a reader would type it
    bits  of weights and activations: "8, 8"
    run   (folder of what is given, calibration images, file to write)
    """

    call: str
    bits: str
    run: Callable[[Path, Images, Path], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one way: the file's name and the median of the seconds it took, or the last line of its error."""

    call: str
    bits: str
    file: str | None
    seconds: float | None
    error: str | None


def serve(ways: Mapping[str, Way], packages: tuple[str, ...]) -> None:
    """Quantize in every way, and tell by `result.json`, with the versions of these packages."""
    given, output = (Path(argument) for argument in sys.argv[1:3])
    images = np.load(given / CALIBRATION)
    outcomes = [_tried(name, way, given, images, output) for name, way in ways.items()]
    write(output, {name: version(name) for name in packages}, outcomes)


def write(output: Path, versions: Mapping[str, str], outcomes: list[Outcome]) -> None:
    """Write `result.json`."""
    result = {"versions": dict(versions), "outcomes": [asdict(outcome) for outcome in outcomes]}
    (output / RESULT).write_text(json.dumps(result, indent=1) + "\n")


def read(output: Path) -> tuple[dict[str, str], list[Outcome]]:
    """The versions and the outcomes of `result.json`."""
    result = json.loads((output / RESULT).read_text())
    return result["versions"], [Outcome(**outcome) for outcome in result["outcomes"]]


def batches_of_one(images: Images) -> Iterator[dict[str, Images]]:
    """What a calibration reads: one image at a time, by the name of the input."""
    for image in images:
        yield {"input": image[None]}


def last_line(text: str) -> str:
    """The last line that says anything."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def _tried(name: str, way: Way, given: Path, images: Images, output: Path) -> Outcome:
    """By one way, RUNS times from file to file, so that imports and first calls are not in the median."""
    seconds: list[float] = []
    target = output / f"{name}.onnx"
    try:
        for _ in range(RUNS):
            started = time.perf_counter()
            way.run(given, images, target)
            seconds.append(time.perf_counter() - started)
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is a row of the table
        target.unlink(missing_ok=True)
        return Outcome(way.call, way.bits, None, None, f"{type(error).__name__}: {last_line(str(error))}")
    return Outcome(way.call, way.bits, target.name, statistics.median(seconds), None)


def emptied(folder: Path) -> Path:
    """The folder, without what an earlier call left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
