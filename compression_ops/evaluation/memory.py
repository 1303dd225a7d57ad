"""How much memory a model adds to a process that has onnxruntime loaded: opening a session, predicting one batch.

Each model is measured in a fresh process, which imports onnxruntime and NumPy, resets the kernel's high-water mark of
resident memory, opens the session and predicts; the answer is the new mark less the resident memory before. It counts
weights, activations, onnxruntime's arenas and the pages of its kernels that this model was first to touch.
`getrusage` would not do: its `ru_maxrss` survives `exec`, so a child of a large process reports the parent's peak.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from compression_ops.errors import ModelError

_TIMEOUT_SECONDS = 300
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measure(models: Sequence[Path], shape: tuple[int, ...], batch_size: int, threads: int) -> list[int | None]:
    """Bytes that each ONNX file adds while it predicts a batch [batch_size, *shape] of zeros of the type that it takes;
    None where the system cannot tell (not Linux). Raises ModelError if a model does not run in a process of its own.
    """
    probe = partial(_measure_one, shape=shape, batch_size=batch_size, threads=threads)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(probe, models))


def _measure_one(model: Path, shape: tuple[int, ...], batch_size: int, threads: int) -> int | None:
    request = json.dumps({"model": str(model), "shape": [batch_size, *shape], "threads": threads})
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    try:
        finished = subprocess.run(
            [sys.executable, "-P", "-m", "compression_ops.evaluation.memory", request],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": search_path},
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"{model.name} did not predict a batch of {batch_size} within {_TIMEOUT_SECONDS} seconds in a process of "
            "its own, where its peak memory is measured; ask for smaller batch sizes"
        ) from error
    if finished.returncode != 0:
        last_line = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(
            f"{model.name} does not run in a process of its own (exit {finished.returncode}): {last_line}. "
            "Peak memory is measured there; see that the model opens with onnxruntime alone."
        )
    return json.loads(finished.stdout)


def _probe(model: Path, shape: Sequence[int], threads: int) -> int | None:
    """Runs in the fresh process."""
    import numpy as np

    from compression_ops.onnx_model.session import open_session, predict

    types = {"tensor(float)": "float32", "tensor(double)": "float64"}
    before = _reset_mark()
    session = open_session(model, threads)
    taken = session.get_inputs()[0].type
    batch = np.zeros(shape, types.get(taken, taken.removeprefix("tensor(").removesuffix(")")))
    predict(session, batch, shape[0])
    return None if before is None else _status_bytes("VmHWM") - before


def _reset_mark() -> int | None:
    """Resident bytes now, from which on the high-water mark counts anew."""
    try:
        _RESET.write_text("5")
    except OSError:
        return None
    return _status_bytes("VmRSS")


def _status_bytes(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(_probe(Path(asked["model"]), asked["shape"], asked["threads"])))
