"""The C compiler of this machine, and a C source as a library of this process."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from compression_ops.errors import ModelError

# As fast as this processor allows; every compiler's own warnings are errors.
_FLAGS = ("-std=c99", "-O3", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
_NATIVE = "-march=native"
# The least that shows whether there are headers, and whether what is built runs in this process.
_PROBE = """\
#include <stdint.h>
int32_t one(void);
int32_t one(void) { return 1; }
"""
_CURE = "Install one for this machine (`apt-get install gcc libc6-dev`), or name yours by the environment variable CC"


def find() -> list[str] | None:
    """The command: what CC says, or `cc`, `gcc` or `clang`; None where there is none of them."""
    stated = shlex.split(os.environ.get("CC", ""))
    candidates = [stated] if stated else [["cc"], ["gcc"], ["clang"]]
    return next((command for command in candidates if shutil.which(command[0])), None)


def missing() -> str:
    """What to say, and what to install, where `find` finds none."""
    found = f"CC is {os.environ['CC']!r}, and no such program is here" if os.environ.get("CC") else "there is none"
    return f"C code is compiled before it is measured, and that needs a C compiler; {found}. {_CURE}"


def fault() -> str | None:
    """Why C code can't be compiled for this process and run in it, with a cure; None where it can."""
    command = find()
    return missing() if command is None else _fault(shutil.which(command[0]) or command[0], tuple(command))


@cache
def _fault(program: str, command: tuple[str, ...]) -> str | None:
    """Of a command, and of the program that its first word is: another PATH has another one."""
    del program
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "one.c"
        source.write_text(_PROBE)
        try:
            _built(command, [source], Path(scratch)).one()
        except ModelError as error:
            return f"C code is compiled before it is measured, and {error}. {_CURE}"
    return None


def loaded(sources: Sequence[Path], headers: Path) -> ctypes.CDLL:
    """Compile sources, which include headers of one folder, into a shared object for this processor, and load it.

    Raises ModelError where there is no compiler, with what to install, where it refuses the sources, with its words, or
    where what it makes is none that this process can load.
    """
    command = find()
    if command is None:
        raise ModelError(missing())
    return _built(command, sources, headers)


def _built(command: Sequence[str], sources: Sequence[Path], headers: Path) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.so"
        arguments = [*_FLAGS, "-I", str(headers), "-o", str(made), *map(str, sources)]
        finished = _run([*command, _NATIVE, *arguments])
        if finished.returncode != 0:  # a compiler for which this machine's processor has no name
            finished = _run([*command, *arguments])
        if finished.returncode != 0:
            told = finished.stderr.strip().splitlines() or ["no word why"]
            # After those that say where it was included.
            words = next((line for line in told if "error" in line), told[0])
            raise ModelError(f"{' '.join(command)} does not compile the C code: {words}")
        try:
            return ctypes.CDLL(str(made))
        except OSError as error:
            raise ModelError(
                f"what {' '.join(command)} makes of C code cannot be loaded here ({error}): it may be a compiler for "
                "another machine, or nothing may be run from the folder of temporary files, which TMPDIR names"
            ) from error


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:  # a program by its permissions alone
        return subprocess.CompletedProcess(command, 126, "", str(error))
