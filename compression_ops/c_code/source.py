"""A quantized student as one C99 source and its header: integers only, no heap, no library, any C compiler."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from compression_ops.c_code import kernels, lowering, packing
from compression_ops.c_code.inputs.taken import Taken
from compression_ops.c_code.layout import Layout, laid_out
from compression_ops.c_code.program import Convolution, Division, LogitScale, Program, Reading, Requantization, Table
from compression_ops.c_code.text import quoted

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = {
    *(
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
    ),
    *("for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof"),
    *("static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while"),
}


@dataclass(frozen=True)
class Written:
    """header, source  the files
    weight_bytes     of the weights as the source holds them, packed, with the zeros that fill their rows
    constant_bytes   of all constants: weights, biases, multipliers and tables
    ram_bytes        of the static buffer; the stack comes on top
    taken            what the functions take of a sample
    """

    header: Path
    source: Path
    weight_bytes: int
    constant_bytes: int
    ram_bytes: int
    taken: Taken


def write(model: Path, folder: Path, name: str = "model") -> Written:
    """Write `<name>.h` and `<name>.c` into `folder`, whose functions are `<name>_predict` and `<name>_classify`.

    The bytes of both depend on the graph, the weights, the classes and the name alone. Raises ModelError as
    `lowering.lower` does, and ValueError for a name that is none in C.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise ValueError(f"name is {name!r}; allowed are lower-case letters, digits and _, no keyword of C")
    program = lowering.lower(model)
    layout = laid_out(program)
    header, source = folder / f"{name}.h", folder / f"{name}.c"
    weights = sum(each.rows.nbytes for each in layout.weights.values())
    weights += sum(each.weight_bytes for each in program.operations if isinstance(each, Reading))
    written = Written(header, source, weights, weights + _other_constants(program), layout.ram_bytes, program.taken)
    header.write_text(_header(program, written, name), encoding="ascii")
    source.write_text(_source(program, layout, name), encoding="ascii")
    return written


def _other_constants(program: Program) -> int:
    layers = [each for each in program.operations if isinstance(each, Convolution)]
    tables = [each for each in program.operations if isinstance(each, Table) and not kernels.is_identity(each)]
    reading = sum(each.constant_bytes for each in program.operations if isinstance(each, Reading))
    divisions = sum(4 * each.output.multipliers.size for each in program.operations if isinstance(each, Division))
    return sum(8 * len(each.bias) for each in layers) + sum(each.tables.size for each in tables) + reading + divisions


def _header(program: Program, written: Written, name: str) -> str:
    taken, classes = program.taken, program.description.classes
    prefix = name.upper()
    notes = "".join(f" * {line}\n" for line in taken.notes) + (" *\n" if taken.notes else "")
    constants = "\n".join(f"#define {prefix}_{key} {value}" for key, value in taken.constants.items())
    c_type = f"{taken.integers.dtype}_t"
    names = "\n".join(f" *   {index}  {quoted(each)}" for index, each in enumerate(classes))
    return f"""\
/* A classifier in integers, written from an ONNX model; do not edit.
 *
 * Model: SHA-256 {program.digest}, without its metadata.
 * Constants: {written.constant_bytes} bytes, of which weights {written.weight_bytes}.
 * RAM: {written.ram_bytes} bytes, static; the stack comes on top.
 * No heap, no floats; of the C library at most what compilers put for loops (memcpy, memmove, memset).
 * `int` must have 32 bits or more. One call at a time: the buffer is shared.
 *
{notes} * Classes:
{names}
 */
#ifndef {prefix}_H
#define {prefix}_H

#include <stdint.h>

{constants}
#define {prefix}_INPUTS {math.prod(taken.shape)}
#define {prefix}_CLASSES {len(classes)}
/* A logit is its integer / 2^{prefix}_LOGIT_FRACTION_BITS. */
#define {prefix}_LOGIT_FRACTION_BITS ({program.fraction_bits})
#define {prefix}_RAM_BYTES {written.ram_bytes}

#ifdef __cplusplus
extern "C" {{
#endif

/* Of what a sample is, {prefix}_INPUTS of them. */
typedef {c_type} {name}_input;

/* The logits [{len(classes)}] of one sample: {taken.words}. */
void {name}_predict(const {c_type} *{taken.name}, int32_t *logits);

/* The class of one sample: the index of its largest logit, the first of equals. */
int {name}_classify(const {c_type} *{taken.name});

#ifdef __cplusplus
}}
#endif

#endif
"""


def _source(program: Program, layout: Layout, name: str) -> str:
    prefix = name.upper()
    taken = f"{program.taken.integers.dtype}_t *{program.taken.name}"
    functions = [
        "\n".join([f"/* {quoted(each.layer)} */", *kernels.printed(program, layout, position)])
        for position, each in enumerate(program.operations)
    ]
    calls = "\n".join(f"    {kernels.call(program, layout, at, each)}" for at, each in enumerate(program.operations))
    parts = [
        f"/* See {name}.h. */",
        f'#include "{name}.h"',
        _memory(program, prefix),
        *_shared(program),
        *functions,
        f"void {name}_predict(const {taken}, int32_t *logits)\n{{\n{calls}\n}}",
        f"""\
int {name}_classify(const {taken})
{{
    int32_t logits[{prefix}_CLASSES];
    int best = 0;
    {name}_predict({program.taken.name}, logits);
    for (int i = 1; i < {prefix}_CLASSES; i++) {{
        best = logits[i] > logits[best] ? i : best;
    }}
    return best;
}}""",
    ]
    return "\n\n".join(parts) + "\n"


def _memory(program: Program, prefix: str) -> str:
    """The static buffer: bytes, and where something needs them words at the same place."""
    if not kernels.has_words(program):
        return f"static uint8_t memory[{prefix}_RAM_BYTES];"
    words = f"int32_t words[({prefix}_RAM_BYTES + 3) / 4]"
    return f"static union {{ uint8_t bytes[{prefix}_RAM_BYTES]; {words}; }} shared;"


def _shared(program: Program) -> list[str]:
    """What several functions call, if any does: compilers warn of what nobody does."""
    outputs = [getattr(each, "output", None) for each in program.operations]
    is_read = any(isinstance(each, Reading) and each.requantizes for each in program.operations)
    unpacks = any(isinstance(each, Convolution) and each.bits < packing.BYTE for each in program.operations)
    needed = (
        (any(isinstance(each, Requantization) for each in outputs) or is_read, kernels.REQUANTIZED),
        (any(isinstance(each, LogitScale) for each in outputs), kernels.LOGIT),
        (unpacks, kernels.UNPACK),
    )
    return [text for needs, text in needed if needs]
