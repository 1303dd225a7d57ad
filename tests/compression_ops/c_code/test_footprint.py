"""What C code takes, against the object file and counts of other programs; what is not here is said, with a cure."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from compression_ops import c_compiler, target
from compression_ops.c_code import footprint
from compression_ops.footprint import Footprint
from compression_ops.targets.c import C
from tests.compression_ops.targets import quantized

pytestmark = pytest.mark.compiler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("c")
    target.write(C(), quantized.write(written / "model"), written)
    return written


@pytest.fixture(scope="module")
def found(folder: Path) -> Footprint:
    return footprint.measure(folder, quantized.pixels(1).tobytes())


def test_static_memory_is_the_buffer_that_the_header_names(folder: Path, found: Footprint) -> None:
    stated = re.search(r"MODEL_RAM_BYTES (\d+)", (folder / "model.h").read_text())
    assert stated is not None
    if found.ram_bytes is None:
        pytest.skip("needs GNU's size (apt-get install binutils)")
    assert int(stated[1]) <= found.ram_bytes < int(stated[1]) + 64, "but for alignment"
    assert found.code_bytes is not None
    assert found.constant_bytes is not None
    assert 200 < found.code_bytes < 100_000
    assert found.constant_bytes >= 100


def test_the_stack_lies_between_the_largest_function_and_the_sum_of_all(folder: Path, found: Footprint) -> None:
    command = c_compiler.find()
    assert command is not None
    subprocess.run([*command, "-std=c99", "-O3", "-fstack-usage", "-c", "model.c"], cwd=folder, check=True)
    if found.stack_bytes is None:
        pytest.skip("needs gcc's call graph (apt-get install gcc)")
    own = [int(line.split("\t")[1]) for line in (folder / "model.su").read_text().splitlines()]
    assert max(own) <= found.stack_bytes <= sum(own)


def test_instructions_of_a_call_are_many_and_the_same_each_time(folder: Path, found: Footprint) -> None:
    if found.instructions is None:
        pytest.skip("needs valgrind (apt-get install valgrind)")
    assert found.instructions > 1_000
    assert footprint.measure(folder, quantized.pixels(1).tobytes()) == found


def _without_either(name: str) -> str | None:
    return None if name in ("valgrind", "size") else f"/usr/bin/{name}"


def test_without_these_programs_the_rest_is_told_and_how_to_get_them(
    folder: Path, found: Footprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", _without_either)
    less = footprint.measure(folder, quantized.pixels(1).tobytes())
    assert (less.instructions, less.code_bytes, less.stack_bytes) == (None, None, found.stack_bytes)
    told = " ".join(less.absent)
    assert "apt-get install valgrind" in told
    assert "apt-get install binutils" in told
    assert less.numbers().keys() <= {"stack_bytes"}


def test_without_a_compiler_nothing_is_told_but_how_to_get_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    less = footprint.measure(folder, b"")
    assert less.numbers() == {}
    assert "Install one" in less.absent[0]


@pytest.mark.parametrize("waits_at", ["-c model.c", "graph.o", "counted"])
def test_programs_that_do_not_end_take_their_own_numbers_alone(
    waits_at: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler that writes nothing, and waits at one of its commands; `size` waits."""
    (tmp_path / "cc").write_text(f'#!/bin/sh\ntouch model.o\ncase "$*" in *{waits_at!r}) exec sleep 60;; esac\n')
    (tmp_path / "size").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "valgrind").write_text("#!/bin/sh\n")
    for name in ("cc", "size", "valgrind"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CC", "cc")
    monkeypatch.setattr(footprint, "_LONGEST", 0.5)
    less = footprint.measure(folder, quantized.pixels(1).tobytes())
    assert less.numbers() == {}
    if waits_at == "-c model.c":
        assert less.absent == ("no footprint is told: cc took longer than 0.5 s",)
        return
    what = {"graph.o": "the stack is not told", "counted": "instructions were not counted"}[waits_at]
    late = {words for words in less.absent if "took longer than" in words}
    assert late == {
        f"{what}: cc took longer than 0.5 s",
        "sizes of code and memory are not told: size took longer than 0.5 s",
    }
    assert len(less.absent) == 3
