"""WebAssembly for browsers and whatever else runs it: the C code of `c_code`, compiled to a module without imports.

Between layers it rounds in fixed point where onnxruntime rounds in float32, so a byte may differ by one, and a sample
in a thousand may fall to another class. It is judged in wasmtime; every browser gives the same integers.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compression_ops.errors import ModelError
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALLOWED_DIFFERENCES = 0.001
MODEL = "model.wasm"
_MISSING = (
    "the target wasm is judged in the package wasmtime, which is not installed here: "
    "pip install 'compression-pipeline[wasm]'; or leave the target out"
)


class Wasm(Spec):
    """A WebAssembly module: integers only, imports nothing."""

    type: Literal["wasm"] = "wasm"


def write(spec: Wasm, model: Path, folder: Path) -> Written:
    """Write `model.wasm` (what it exports: `compression_ops.wasm.module`), and how raw samples become what it takes,
    `input.json`. Raises ModelError for an operator without a form in integers, and without clang and wasm-ld.
    """
    from compression_ops.c_code.inputs import taken
    from compression_ops.wasm import module

    built = module.build(model)
    built.taken.integers.write(folder)
    (folder / MODEL).write_bytes(built.code)
    metrics = {"weight_bytes": float(built.weight_bytes)}
    return Written((MODEL, taken.FILE), "WebAssembly with 128-bit SIMD (2023)", metrics)


def predictor(spec: Wasm, folder: Path, threads: int) -> Predictor:
    """In wasmtime, on one thread. Raises ModelError without that package."""
    import numpy as np

    from compression_ops.c_code.inputs.taken import Integers

    wasmtime, integers = _package(), Integers.read(folder)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    loaded = wasmtime.Module(engine, (folder / MODEL).read_bytes())
    exports = wasmtime.Instance(store, loaded, []).exports(store)
    memory, classify = exports["memory"], exports["classify"]
    place, logits, classes = (exports[name](store) for name in ("input", "output", "classes"))

    def predict(samples: "NDArray[Any]") -> "NDArray[Any]":
        found = np.empty((len(samples), classes), np.int32)
        for row, sample in zip(found, integers.of(samples), strict=True):
            memory.write(store, sample.tobytes(), place)
            classify(store)
            row[:] = np.frombuffer(memory.read(store, logits, logits + row.nbytes), "<i4")
        return found

    return predict


def missing(spec: Wasm) -> str | None:
    """The compiler and the linker, or the package that judges it, where they are not installed."""
    from compression_ops.wasm import module

    del spec
    return module.missing() or (None if find_spec("wasmtime") is not None else _MISSING)


def check(spec: Wasm, model: Path) -> None:
    """Raises ModelError where the model has no form in integers, which needs no compiler to tell."""
    from tempfile import TemporaryDirectory

    from compression_ops.c_code import source

    del spec
    with TemporaryDirectory() as scratch:
        source.write(model, Path(scratch))


def _package() -> Any:
    try:
        import wasmtime
    except ImportError as error:
        raise ModelError(_MISSING) from error
    return wasmtime
