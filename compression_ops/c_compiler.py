"""The C compiler of this machine, and a C source as a library of this process."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compression_ops.errors import ModelError

# As fast as this processor allows; every compiler's own warnings are errors.
_FLAGS = ("-std=c99", "-O3", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
_NATIVE = "-march=native"


def find() -> list[str] | None:
    """The command: what CC says, or `cc`, `gcc` or `clang`; None where there is none of them."""
    stated = shlex.split(os.environ.get("CC", ""))
    candidates = [stated] if stated else [["cc"], ["gcc"], ["clang"]]
    return next((command for command in candidates if shutil.which(command[0])), None)


def missing() -> str:
    """What to say, and what to install, where `find` finds none."""
    found = f"CC is {os.environ['CC']!r}, and no such program is here" if os.environ.get("CC") else "there is none"
    return (
        f"C code is compiled before it is measured, and that needs a C compiler; {found}. Install one "
        "(`apt-get install gcc libc6-dev`), or name yours by the environment variable CC"
    )


def loaded(sources: Sequence[Path], headers: Path) -> ctypes.CDLL:
    """Compile sources, which include headers of one folder, into a shared object for this processor, and load it.

    Raises ModelError where there is no compiler, with what to install, or where it refuses the sources, with its words.
    """
    command = find()
    if command is None:
        raise ModelError(missing())
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.so"
        arguments = [*_FLAGS, "-I", str(headers), "-o", str(made), *map(str, sources)]
        finished = _run([*command, _NATIVE, *arguments])
        if finished.returncode != 0:  # a compiler for which this machine's processor has no name
            finished = _run([*command, *arguments])
        if finished.returncode != 0:
            told = finished.stderr.strip().splitlines()
            raise ModelError(f"{' '.join(command)} does not compile the C code: {told[0] if told else 'no word why'}")
        return ctypes.CDLL(str(made))


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)
