"""The C code of a quantized student, compiled to a WebAssembly module that needs nothing from whom it runs in.

memory              the module's own
input()             where in the memory a sample is to be put, as C takes it: of images uint8 [channels, height, width]
output()            int32 [classes]: where the logits are after a call
classes()           how many
fraction_bits()     a logit is its integer / 2^this
classify()          computes the logits; the index of the largest one, the first of equals
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from compression_ops.c_code import source
from compression_ops.c_code.inputs.taken import Taken
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata

EXPORTS = ("input", "output", "classes", "fraction_bits", "classify")
_COMPILER, _LINKER = "clang", "wasm-ld"
# Integer products of 16 bytes at a time, and copies without a C library; browsers have both since 2023.
_FLAGS = ("--target=wasm32", "-std=c99", "-O3", "-ffreestanding", "-msimd128", "-mbulk-memory")
_LINKS = ("--no-entry", "--strip-all", "--stack-first")
_NEWEST, _OLDEST = 40, 14  # versions of LLVM that Debian's names may end in
_SHOWN = 2000  # characters of what a compiler says
_SHIM = """\
#include "model.c"

static model_input sample[MODEL_INPUTS];
static int32_t logits[MODEL_CLASSES];

model_input *input(void) { return sample; }
int32_t *output(void) { return logits; }
int classes(void) { return MODEL_CLASSES; }
int fraction_bits(void) { return MODEL_LOGIT_FRACTION_BITS; }

int classify(void)
{
    int best = 0;
    model_predict(sample, logits);
    for (int i = 1; i < MODEL_CLASSES; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}
"""


@dataclass(frozen=True)
class Module:
    """code         WebAssembly that imports nothing and exports its memory and EXPORTS
    description  of the samples that it takes, and the classes that it tells
    taken        of a sample, as C takes it
    weight_bytes of the weights in it, as `c_code.source.Written` counts them
    """

    code: bytes
    description: Description
    taken: Taken
    weight_bytes: int


def build(model: Path) -> Module:
    """The module of a quantized student's `model.onnx`.

    Raises ModelError as `c_code.source.write` does, and where clang or wasm-ld is not installed or fails.
    """
    with tempfile.TemporaryDirectory(prefix="wasm-") as name:
        folder = Path(name)
        written = source.write(model, folder)
        compiler, linker = _tool(_COMPILER), _tool(_LINKER)
        (folder / "module.c").write_text(_SHIM, encoding="ascii")
        _run([compiler, *_FLAGS, "-c", "module.c", "-o", "module.o"], folder)
        exports = [f"--export={each}" for each in EXPORTS]
        _run([linker, *_LINKS, *exports, "module.o", "-o", "module.wasm"], folder)
        code = (folder / "module.wasm").read_bytes()
    return Module(code, metadata.read(onnx.load(model), str(model)).description, written.taken, written.weight_bytes)


def missing() -> str | None:
    """What building lacks on this machine and how to get it; None if nothing."""
    lacking = [each for each in (_COMPILER, _LINKER) if _found(each) is None]
    if not lacking:
        return None
    return f"there is no {' and no '.join(lacking)}, which make WebAssembly\n  run `sudo apt-get install clang lld`"


def _tool(name: str) -> str:
    path = _found(name)
    if path is None:
        raise ModelError(missing() or f"there is no {name}")
    return path


def _found(name: str) -> str | None:
    """A program of LLVM by its name, or by the newest of its versioned ones."""
    versioned = (f"{name}-{version}" for version in range(_NEWEST, _OLDEST - 1, -1))
    return next((path for each in (name, *versioned) if (path := shutil.which(each))), None)


def _run(command: Sequence[str], folder: Path) -> None:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if finished.returncode != 0:
        said = finished.stderr.strip() or f"exit code {finished.returncode}"
        raise ModelError(
            f"{command[0]} could not make WebAssembly: {said[:_SHOWN]}\n  needed is LLVM {_OLDEST} or newer with the "
            "target wasm32: `sudo apt-get install clang lld`"
        )
