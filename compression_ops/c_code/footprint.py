"""What a model's C code takes of the machine that it runs on: code, memory, stack, instructions.

It is built by this machine's C compiler with -O3 for the plainest processor of its kind (no -march), which a build for
a microcontroller resembles more than that of this machine, and which valgrind runs everywhere.
"""

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from compression_ops import c_compiler
from compression_ops.footprint import Footprint

_T = TypeVar("_T")
_FLAGS = ("-std=c99", "-O3")
_CALL_GRAPH = "-fcallgraph-info=su"  # gcc's: who calls whom, and the stack of each
_MAIN = """\
#include <stdio.h>
#include "model.h"
int main(void)
{
    static model_input sample[MODEL_INPUTS];
    static int32_t logits[MODEL_CLASSES];
    if (fread(sample, 1, sizeof sample, stdin) != sizeof sample) {
        return 1;
    }
    model_predict(sample, logits);
    return 0;
}
"""
_PREDICT = "model_predict"
_LONGEST = 300.0  # seconds that each program may take
_NODE = re.compile(r'node: \{ title: "([^"]*)" label: "([^"]*)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"')
_STACK = re.compile(r"(\d+) bytes \(")


def measure(folder: Path, sample: bytes) -> Footprint:
    """Of `model.c` and `model.h` in a folder, for a sample, in the bytes that they take. What cannot be told here is
    None, and `absent` has a sentence on how to get it.
    """
    command = c_compiler.find()
    if command is None:
        return Footprint(absent=(c_compiler.missing(),))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for file in ("model.c", "model.h"):
            shutil.copyfile(folder / file, scratch / file)
        (scratch / "main.c").write_text(_MAIN)
        compiled, too_long = _in_time("no footprint is told", lambda: (_compiles(command, scratch), None))
        if not compiled:
            refused = f"{' '.join(command)} does not compile the C code, so nothing of it is told"
            return Footprint(absent=(too_long or refused,))
        sections, without_size = _in_time("sizes of code and memory are not told", lambda: _sections(scratch))
        stack, without_graph = _in_time("the stack is not told", lambda: _stack(command, scratch))
        instructions, without_counts = _in_time(
            "instructions were not counted", lambda: _instructions(command, scratch, sample)
        )
    return Footprint(
        code_bytes=_sum(sections, ".text"),
        constant_bytes=_sum(sections, ".rodata"),
        ram_bytes=_sum(sections, ".data", ".bss"),
        stack_bytes=stack,
        instructions=instructions,
        absent=tuple(words for words in (without_size, without_graph, without_counts) if words is not None),
    )


def _in_time(otherwise: str, ask: Callable[[], tuple[_T | None, str | None]]) -> tuple[_T | None, str | None]:
    """What was asked for; of a program that does not end in time, None and words of it."""
    try:
        return ask()
    except subprocess.TimeoutExpired as error:
        program = shlex.join(error.cmd[:1])
        return None, f"{otherwise}: {program} took longer than {_LONGEST:g} s"


def _compiles(command: Sequence[str], scratch: Path) -> bool:
    return _run([*command, *_FLAGS, "-c", "model.c"], scratch).returncode == 0


def _sections(scratch: Path) -> tuple[dict[str, int] | None, str | None]:
    """Bytes of each section of the object; else None, and why."""
    if shutil.which("size") is None:
        return None, "sizes of code and memory are told by `size`, which is not here (`apt-get install binutils`)"
    rows = [line.split() for line in _run(["size", "-A", "model.o"], scratch).stdout.splitlines()]
    found = {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isdigit()}
    if not any(name.startswith(".text") for name in found):
        return None, "sizes of code and memory are told by the `size` of GNU's binutils; another one is here"
    return found, None


def _sum(sections: Mapping[str, int] | None, *prefixes: str) -> int | None:
    return None if sections is None else sum(size for name, size in sections.items() if name.startswith(prefixes))


def _stack(command: Sequence[str], scratch: Path) -> tuple[int | None, str | None]:
    """Along the deepest way of calls from `model_predict`; else None, and why."""
    _run([*command, *_FLAGS, _CALL_GRAPH, "-c", "model.c", "-o", "graph.o"], scratch)
    graphs = list(scratch.glob("*.ci"))
    text = graphs[0].read_text(encoding="utf-8") if graphs else ""
    own = {name: int(found[1]) for name, label in _NODE.findall(text) if (found := _STACK.search(label))}
    if _PREDICT not in own:
        told = "the stack is told by gcc 10 or newer (-fcallgraph-info), and another compiler is here"
        return None, f"{told} (`apt-get install gcc`, and CC=gcc)"
    calls: dict[str, list[str]] = {}
    for caller, called in _EDGE.findall(text):
        calls.setdefault(caller, []).append(called)

    def deepest(name: str, above: frozenset[str]) -> int:
        further = (deepest(called, above | {name}) for called in calls.get(name, ()) if called not in above)
        return own.get(name, 0) + max(further, default=0)

    return deepest(_PREDICT, frozenset({_PREDICT})), None


def _instructions(command: Sequence[str], scratch: Path, sample: bytes) -> tuple[int | None, str | None]:
    """Of one call on the sample; else None, and why."""
    if shutil.which("valgrind") is None:
        return None, "instructions are counted by valgrind, which is not here (`apt-get install valgrind`)"
    _run([*command, *_FLAGS, "main.c", "model.c", "-o", "counted"], scratch)
    counting = ["valgrind", "--tool=callgrind", f"--toggle-collect={_PREDICT}", "--callgrind-out-file=/dev/null"]
    told = _run([*counting, "./counted"], scratch, sample).stderr
    found = next(_counts(told), None)
    if not found:
        return None, f"instructions were not counted: valgrind says {(told.strip().splitlines() or ['nothing'])[-1]}"
    return found, None


def _counts(told: str) -> Iterator[int]:
    return (int(found[1]) for line in told.splitlines() if (found := re.search(r"Collected : (\d+)", line)))


def _run(command: Sequence[str], folder: Path, given: bytes = b"") -> "subprocess.CompletedProcess[str]":
    finished = subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False, timeout=_LONGEST)
    texts = (part.decode("utf-8", "replace") for part in (finished.stdout, finished.stderr))
    return subprocess.CompletedProcess(command, finished.returncode, *texts)
