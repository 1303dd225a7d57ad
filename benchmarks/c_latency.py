"""The C code of quantized students beside onnxruntime's float and int8 sessions, one sample a call.

    python benchmarks/c_latency.py [--architectures strided_cnn compact_cnn resnet] [--shape 1 28 28] [--weight-bits 8]
    python benchmarks/c_latency.py --model quantized/model.onnx --float student/model.onnx

--model takes models of rows, texts and recordings, too. Without it networks with random weights are quantized on random
images: the time does not depend on the weights.
Each is built by `cc` as a shared library and called from Python, as the sessions are; all are timed in turn, in
rounds. A round's time is the median of its calls, the ratios are medians over the rounds. The stack is that of the
largest function. Instructions are counted by valgrind, where it is installed, on a build for AVX2, since it does not
know AVX-512.
"""

import argparse
import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch

from compression_ops.c_code import reference, source
from compression_ops.data.dataset import Description
from compression_ops.models.network import Network, build
from compression_ops.onnx_model import export, metadata, raw_samples, session
from compression_ops.quantization import activations, qdq
from compression_ops.quantization.methods import calibrated
from compression_ops.quantization.precision import Precision

_CLASSES = 10
_CALLS = 200
_MAIN = """\
#include <stdlib.h>
#include "model.h"
int main(int count, char **values)
{
    static model_input sample[MODEL_INPUTS];
    int32_t logits[MODEL_CLASSES];
    for (int i = count > 1 ? atoi(values[1]) : 0; i > 0; i--) {
        model_predict(sample, logits);
    }
    return 0;
}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=["strided_cnn", "compact_cnn", "resnet"])
    parser.add_argument("--shape", type=int, nargs=3, default=(1, 28, 28))
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--flags", default="-O3 -march=native")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--float", type=Path, dest="floats")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.model:
            _report(arguments.model.stem, arguments.model, arguments.floats, Path(name), arguments)
            return
        for architecture in arguments.architectures:
            folder = Path(name) / architecture
            folder.mkdir()
            quantized, floats = _random(architecture, tuple(arguments.shape), folder, arguments.weight_bits)
            _report(architecture, quantized, floats, folder, arguments)


def _random(architecture: str, shape: tuple[int, int, int], folder: Path, bits: int) -> tuple[Path, Path]:
    """The quantized and the float model, which both take pixels."""
    description = Description(tuple(map(str, range(_CLASSES))), shape, (0.13,) * shape[0], (0.3,) * shape[0])
    torch.manual_seed(0)
    network = export.export(build(Network(architecture, shape, _CLASSES)).eval(), shape)
    images = np.random.default_rng(0).integers(0, 256, (64, *shape), dtype=np.uint8)
    ranges = activations.bounds(activations.replay(network, raw_samples.normalize(images, description)))
    precision = Precision.model_validate({"weight_bits": bits})
    quantized = qdq.write(network, calibrated.mapping(network, ranges, precision)).model
    files = folder / "quantized.onnx", folder / "float.onnx"
    for model, file in zip((quantized, network), files, strict=True):
        shipped = raw_samples.normalizing(model, description)
        metadata.describe(shipped, description)
        onnx.save(shipped, file)
    return files


def _report(name: str, quantized: Path, floats: Path | None, folder: Path, arguments: argparse.Namespace) -> None:
    written = source.write(quantized, folder)
    flags = arguments.flags.split()
    library = folder / "model.so"
    _cc(folder, *flags, "-shared", "-fPIC", "-fstack-usage", "-o", str(library), "model.c")
    sessions = {"int8": session.open_session(quantized)}
    if floats is not None:
        sessions["float"] = session.open_session(floats)
    program = reference.Predictor(quantized).program
    sample = _sample(program.description)
    calls = {"C": _call(library, program.taken.integers.of(sample))}
    calls |= {
        each: lambda running=running: running.run(None, {running.get_inputs()[0].name: sample})
        for each, running in sessions.items()
    }
    seconds = _seconds(calls, arguments.rounds)
    print(f"{name}: {', '.join(f'{each} {1e6 * statistics.median(of):.1f} us' for each, of in seconds.items())}")
    best = np.minimum.reduce([of for each, of in seconds.items() if each != "C"])
    print(f"  C / faster session {np.median(np.array(seconds['C']) / best):.2f} (median of {arguments.rounds} rounds)")
    _cc(folder, "-Os", "-c", "-o", "small.o", "model.c")
    print(
        f"  constants {written.constant_bytes} B, of which weights {written.weight_bytes} B; RAM {written.ram_bytes} B"
    )
    print(f"  text, data, bss: {arguments.flags} {_size(library)}; -Os {_size(folder / 'small.o')}")
    print(f"  stack {_stack(folder)} B")
    if shutil.which("valgrind"):
        print(f"  {_instructions(folder):,} instructions a call with -O3 -mavx2")


def _sample(description: Description) -> np.ndarray:
    """Raw, [1, ...], of values from 0 to 255, or as many as there are ids."""
    count = description.modality.indices() or 256
    values = np.random.default_rng(1).integers(0, count, (1, *description.shape))
    return values.astype(description.modality.dtype)


def _cc(folder: Path, *arguments: str) -> None:
    subprocess.run(["cc", "-std=c99", *arguments], cwd=folder, check=True)


def _call(library: Path, sample: np.ndarray) -> Callable[[], object]:
    predict = ctypes.CDLL(str(library)).model_predict
    logits = np.zeros(1024, np.int32)
    given = ctypes.c_void_p(sample.ctypes.data), ctypes.c_void_p(logits.ctypes.data)
    return lambda kept=(sample, logits): predict(*given)


def _seconds(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Of one call, each round's median over many: what another process takes away does not count."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for each in range(rounds + 3):
        for name, call in calls.items():
            taken: list[float] = []
            for _ in range(_CALLS):
                started = time.perf_counter()
                call()
                taken.append(time.perf_counter() - started)
            if each >= 3:
                found[name].append(statistics.median(taken))
    return found


def _size(file: Path) -> str:
    lines = subprocess.run(["size", str(file)], capture_output=True, text=True, check=True).stdout.splitlines()
    return " ".join(lines[1].split()[:3])


def _stack(folder: Path) -> int:
    return max(int(line.split("\t")[1]) for file in folder.glob("*.su") for line in file.read_text().splitlines())


def _instructions(folder: Path) -> int:
    """Of one call: those of eleven calls less those of one, by ten."""
    (folder / "main.c").write_text(_MAIN)
    _cc(folder, "-O3", "-mavx2", "-o", "counted", "main.c", "model.c")
    counts: list[int] = []
    for calls in (1, 11):
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "./counted"]
        told = subprocess.run([*command, str(calls)], cwd=folder, capture_output=True, text=True, check=True).stderr
        counts.append(int(next(line for line in told.splitlines() if "refs" in line).split()[-1].replace(",", "")))
    return (counts[1] - counts[0]) // 10


if __name__ == "__main__":
    main()
