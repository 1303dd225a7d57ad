"""C99 source for what runs neither Python nor onnxruntime: integers only, no heap, no library (see `c_code`).

Between layers it rounds in fixed point where onnxruntime rounds in float32, so a byte may differ by one, and a sample
in a thousand may fall to another class. It is compiled for this machine to be judged and timed; what a microcontroller
runs gives the same integers. Without a compiler these are computed by NumPy, and nothing is timed.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compression_ops.data.misfit import Misfit
from compression_ops.footprint import Footprint
from compression_ops.quantization.precision import Precision
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from compression_ops.c_code.inputs.taken import Integers

ALLOWED_DIFFERENCES = 0.001
IS_TIMED = True
SOURCE, HEADER = "model.c", "model.h"
_BYTE = 8  # bits
_UNTIL_THEN = "until then its answers are judged by the same integers, computed by NumPy"
# A call of many samples, so that what Python adds is added once; of raw ones, as who calls the C code has them.
_BATCH = """\
#include "model.h"
int model_classes(void);
void model_predict_all(const RAW *samples, int32_t *logits, int count);
int model_classes(void)
{
    return MODEL_CLASSES;
}
TAKEN
void model_predict_all(const RAW *samples, int32_t *logits, int count)
{
    static model_input sample[MODEL_INPUTS];
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < MODEL_INPUTS; k++) {
            sample[k] = taken(samples[(long)i * MODEL_INPUTS + k], k);
        }
        model_predict(sample, logits + (long)i * MODEL_CLASSES);
    }
}
"""
_RAW = {"uint8": "uint8_t", "int16": "int16_t", "int64": "int64_t", "float32": "float"}
_AS_IT_IS = """\
static inline model_input taken(RAW value, int k)
{
    (void)k;
    return value;
}
"""
_LIMITED = """\
static inline model_input taken(RAW value, int k)
{
    (void)k;
    value = value < INT32_MIN ? INT32_MIN : value;
    return (model_input)(value > INT32_MAX ? INT32_MAX : value);
}
"""
# To the nearest integer, of two the even one, as NumPy rounds: by adding what leaves no bits for a fraction.
_NUMBERS = """\
static const double factors[MODEL_INPUTS] = {FACTORS};
static inline model_input taken(RAW value, int k)
{
    const double scaled = (double)value * factors[k];
    if (scaled != scaled) {
        return INT32_MIN;
    }
    if (scaled > -2147483647.0 && scaled < 2147483647.0) {
        return (model_input)(scaled + 6755399441055744.0 - 6755399441055744.0);
    }
    return scaled > 0 ? INT32_MAX : -INT32_MAX;
}
"""


class C(Spec):
    """One C99 source and its header: integers only."""

    type: Literal["c"] = "c"


def misfits(spec: C, precision: Precision) -> Iterator[Misfit]:
    """Activations of 16 bits: its integers between layers are bytes."""
    if precision.activation_bits > _BYTE:
        yield Misfit("activation_bits", "4 to 8 with the target c, whose layers give bytes; or without it")


def write(spec: C, model: Path, folder: Path) -> Written:
    """Write `model.c` and `model.h`, and beside them how raw samples become what these take, `input.json`.

    Raises ModelError for an operator without a form in integers, and for sums that 32 bits may not hold.
    """
    from compression_ops.c_code import source
    from compression_ops.c_code.inputs import taken

    written = source.write(model, folder)
    written.taken.integers.write(folder)
    metrics = {
        "weight_bytes": float(written.weight_bytes),
        "constant_bytes": float(written.constant_bytes),
        "ram_bytes": float(written.ram_bytes),
    }
    return Written((SOURCE, HEADER, taken.FILE), "any C99 compiler", metrics)


def runs_here(spec: C) -> bool:
    """Whether there is a compiler whose code this process can load. Writing needs none."""
    from compression_ops import c_compiler

    del spec
    return c_compiler.fault() is None


def stand_in(spec: C, model: Path) -> Predictor:
    """The integers that the C code computes, by NumPy."""
    from compression_ops.c_code.reference import Predictor as Integers

    del spec
    return Integers(model)


def footprint(spec: C, folder: Path, sample: bytes) -> Footprint:
    """Code, memory, stack and instructions, as built for the plainest processor of this machine's kind."""
    import numpy as np

    from compression_ops import c_compiler
    from compression_ops.c_code import footprint
    from compression_ops.c_code.inputs.taken import Integers

    del spec
    if fault := c_compiler.fault():
        return Footprint(absent=(f"{fault}; {_UNTIL_THEN}",))
    integers = Integers.read(folder)
    return footprint.measure(folder, integers.of(np.frombuffer(sample, integers.raw)).tobytes())


def predictor(spec: C, folder: Path, threads: int) -> Predictor:
    """Compiled for this processor; one thread. Raises ModelError without a C compiler."""
    import tempfile

    import numpy as np

    from compression_ops import c_compiler
    from compression_ops.c_code.inputs.taken import Integers

    integers = Integers.read(folder)
    with tempfile.TemporaryDirectory() as scratch:
        batch = Path(scratch) / "batch.c"
        batch.write_text(_caller(integers))
        compiled = c_compiler.loaded([folder / SOURCE, batch], headers=folder)
    classes = compiled.model_classes()

    def predict(samples: "NDArray[Any]") -> "NDArray[Any]":
        given, logits = np.ascontiguousarray(samples, integers.raw), np.empty((len(samples), classes), np.int32)
        compiled.model_predict_all(ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(logits.ctypes.data), len(given))
        return logits

    return predict


def _caller(integers: "Integers") -> str:
    """C that makes of raw samples what the model takes, as `Integers.of` does."""
    taken = _AS_IT_IS if integers.raw == integers.dtype else _LIMITED
    if integers.fraction_bits:
        taken = _NUMBERS.replace("FACTORS", ", ".join(repr(2.0**bits) for bits in integers.fraction_bits))
    return _BATCH.replace("TAKEN", taken).replace("RAW", _RAW[integers.raw])
